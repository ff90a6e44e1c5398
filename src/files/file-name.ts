// File names inside a folder. Some come from the folder itself (the shards that an index file lists), so they must not
// lead out of it.
import { UserError } from "../errors.ts";

/** Throws UserError unless `file` is a relative name that stays below its folder. */
export function checkFileName(folder: string, file: string): void {
  const parts = file.split(/[/\\]/);
  if (
    file === "" ||
    file.includes("\0") ||
    /^[a-z]:/i.test(file) ||
    parts.some((part) => part === "" || part === "." || part === "..")
  ) {
    throw new UserError(
      `${folder}: ${JSON.stringify(file)} is not the name of a file inside this folder; check who names it.`,
    );
  }
}

/** Throws UserError when `range` reaches past the end of a file of `size` bytes. */
export function checkRange(
  path: string,
  range: { readonly offset: number; readonly length: number },
  size: number,
): void {
  if (range.offset + range.length > size) {
    throw new UserError(
      `${path}: wanted bytes ${range.offset} to ${range.offset + range.length}, the file has ${size}; it is ` +
        "cut short, fetch it again.",
    );
  }
}
