// The trained model as a file: its folder in Hugging Face's layout as a zip, written piece by piece, or one GGUF file.
import { downloadZip } from "client-zip";
import { withEngine } from "../engine/host.ts";
import { modelFiles, placeOf } from "./runs.ts";

const PIECE = 1 << 22;

async function* piecesOf(id: string, name: string): AsyncGenerator<Uint8Array<ArrayBuffer>> {
  const { folder } = await modelFiles(id);
  const size = await folder.size(name);
  for (let offset = 0; offset < size; offset += PIECE)
    yield (await folder.read(name, { offset, length: Math.min(PIECE, size - offset) })) as Uint8Array<ArrayBuffer>;
}

/** "My book" -> "my-book". */
export function fileNameOf(name: string): string {
  const plain = name
    .normalize("NFKD")
    .replace(/\p{M}/gu, "")
    .replace(/[^\p{L}\p{N}]+/gu, "-")
    .replace(/^-+|-+$/g, "")
    .toLowerCase();
  return plain || "model";
}

export async function zipOf(id: string, name: string): Promise<Blob> {
  const { names } = await modelFiles(id);
  const folder = fileNameOf(name);
  const files = names.map((file) => ({ name: `${folder}/${file}`, input: piecesOf(id, file) }));
  return downloadZip(files).blob();
}

/** Half precision: what llama.cpp's own conversion makes. */
export async function ggufOf(id: string, name: string): Promise<Blob> {
  const worker = new Worker(new URL("../engine/worker.ts", import.meta.url), { type: "module", name: "gguf" });
  return withEngine(worker, async (engine) => {
    await engine.load(placeOf(id));
    return engine.gguf({ name, outtype: "F16" });
  });
}
