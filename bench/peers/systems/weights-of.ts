// The weights of a model folder, for libraries that have no reader of their own for it.
import { openCheckpoint, parameterShapes, readConfig } from "../../../src/gpt2/checkpoint-files.ts";
import { openFolder } from "../../../src/files/open.ts";

/** Hands every tensor over by its Hugging Face name; the values are only to be read, before the next. */
export async function modelWeights(
  path: string,
  take: (name: string, shape: readonly number[], values: Float32Array) => void,
): Promise<void> {
  const folder = await openFolder(path);
  const config = await readConfig(folder);
  const shapes = parameterShapes(config);
  await (await openCheckpoint(folder, config)).read((name, values) => take(name, shapes.get(name)!, values));
}
