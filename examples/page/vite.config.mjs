// Vite serves what is in publicDir as it is: here the package's own demo model, at the address "demo". Put a folder of
// your own there (as src/train.ts or src/export.ts writes it) to serve your model.
import { createRequire } from "node:module";
import { dirname, join } from "node:path";

const packageFolder = dirname(createRequire(import.meta.url).resolve("gpt2-webgpu/package.json"));

export default {
  base: "./", // works under any address
  publicDir: join(packageFolder, "weights"),
  build: { target: "es2022" }, // for top-level await
};
