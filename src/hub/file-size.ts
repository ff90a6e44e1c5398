// What stat says of a file that may be missing.
import { stat } from "node:fs/promises";

/** Bytes of the file behind a path or link; undefined when there is none. Other errors are thrown. */
export async function fileSize(path: string): Promise<number | undefined> {
  return stat(path).then(
    ({ size }) => size,
    (error: NodeJS.ErrnoException) => {
      if (error.code === "ENOENT" || error.code === "ENOTDIR") return undefined;
      throw error;
    },
  );
}
