// Files that are ZIP archives of parts (EPUB, DOCX), read by JSZip in memory: nothing is unpacked to disk, so no name
// in an archive can lead anywhere. Sizes that an archive states are not believed: parts are unpacked as a stream that
// is cut off at a limit, because ten kilobytes can hold ten megabytes of spaces.
import type JSZip from "jszip";
import { UserError } from "../../errors.ts";
import { importOptional } from "../../runtime.ts";

/** Bytes that all the parts which are read may have: what one text may have (a long novel's are 5 MB). */
const MOST_BYTES = 64 * 2 ** 20;

/** Documented, but not in the package's types. */
interface PartStream {
  on(event: "data", callback: (chunk: Uint8Array) => void): PartStream;
  on(event: "end", callback: () => void): PartStream;
  on(event: "error", callback: (error: Error) => void): PartStream;
  resume(): PartStream;
  pause(): PartStream;
}

export class Archive {
  /** What messages call the file. */
  readonly name: string;
  private readonly zip: JSZip;
  private readonly most: number;
  private bytes = 0;

  private constructor(zip: JSZip, name: string, most: number) {
    this.zip = zip;
    this.name = name;
    this.most = most;
  }

  /** `most`: bytes to read from it, all parts together. Throws UserError where it is damaged or needs a password. */
  static async open(bytes: Uint8Array, name: string, most = MOST_BYTES): Promise<Archive> {
    const Zip = await zipLibrary(name);
    try {
      return new Archive(await Zip.loadAsync(bytes), name, most);
    } catch (error) {
      if (/encrypted/i.test((error as Error).message))
        throw new UserError(`${name}: its parts are locked by a password; save the book without one.`);
      throw damaged(name, "its directory cannot be read");
    }
  }

  get parts(): string[] {
    return Object.keys(this.zip.files).filter((part) => !this.zip.files[part]!.dir);
  }

  has(part: string): boolean {
    return this.zip.file(part) !== null;
  }

  /** Throws UserError where the part is missing or damaged, and where too much comes out of it. */
  read(part: string): Promise<Uint8Array> {
    const entry = this.zip.file(part);
    if (entry === null) throw damaged(this.name, `it has no part ${part}`);
    const stream = (entry as unknown as { internalStream(type: "uint8array"): PartStream }).internalStream(
      "uint8array",
    );
    return new Promise((resolve, reject) => {
      const chunks: Uint8Array[] = [];
      let length = 0;
      stream
        .on("data", (chunk) => {
          length += chunk.length;
          this.bytes += chunk.length;
          if (this.bytes <= this.most) return void chunks.push(chunk);
          stream.pause();
          reject(
            new UserError(
              `${this.name}: unpacked, it is larger than a book can be (more than ${this.most / 2 ** 20} MiB of ` +
                "text); check where it comes from, or give it in several files.",
            ),
          );
        })
        .on("error", () => reject(damaged(this.name, `its part ${part} cannot be unpacked`)))
        .on("end", () => resolve(joined(chunks, length)))
        .resume();
    });
  }
}

/** JSZip, loaded when it is first needed, by `name`. Throws UserError where it is not installed. */
export async function zipLibrary(name: string): Promise<typeof JSZip> {
  return (await importOptional("jszip@3.10.2", `Reading ${name}`, () => import("jszip"))).default;
}

/** For a file that has the right form outside and the wrong one inside. */
export function damaged(name: string, what: string): UserError {
  return new UserError(`${name}: damaged or cut short (${what}); fetch or save the book again.`);
}

function joined(chunks: readonly Uint8Array[], length: number): Uint8Array {
  const whole = new Uint8Array(length);
  let at = 0;
  for (const chunk of chunks) {
    whole.set(chunk, at);
    at += chunk.length;
  }
  return whole;
}
