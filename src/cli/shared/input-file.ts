// A file that a flag names.
import { readFile } from "node:fs/promises";
import { UserError } from "../../errors.ts";

/** Its bytes. Throws UserError saying why it cannot be read. */
export async function readInputFile(path: string): Promise<Uint8Array> {
  try {
    return await readFile(path);
  } catch (error) {
    throw cannotRead(path, error);
  }
}

/** What the system says of a file that it does not let us read, in words. */
export function cannotRead(path: string, error: unknown): UserError {
  const { code, message } = error as NodeJS.ErrnoException;
  const reason =
    code === "ENOENT"
      ? "there is no such file"
      : code === "EISDIR"
        ? "it is a folder"
        : code === "EACCES"
          ? "access is denied"
          : message;
  return new UserError(`Cannot read ${path}: ${reason}; check the path.`);
}
