// Where the programs keep what they can make again.
import { homedir } from "node:os";
import { join } from "node:path";

/** XDG_CACHE_HOME/gpt2-webgpu, else ~/.cache/gpt2-webgpu. */
export const cacheFolder = (env: Readonly<Record<string, string | undefined>> = process.env): string =>
  join(env.XDG_CACHE_HOME || join(homedir(), ".cache"), "gpt2-webgpu");
