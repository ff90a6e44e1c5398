// After npm install: unpacks the software adapter that npm brings, so that a user who may not write here finds it
// ready. Quick, silent, and never a reason for the installation to fail: the engine unpacks it on first use too.
import { fileURLToPath } from "node:url";
import { tsImport } from "tsx/esm/api";

try {
  const { softwareAdapterShips, unpackSoftwareAdapter } = await tsImport(
    "../src/gpu/software-adapter.ts",
    import.meta.url,
  );
  if (softwareAdapterShips())
    unpackSoftwareAdapter([fileURLToPath(new URL("../node_modules/.cache", import.meta.url))]);
} catch {
  // The first run says what is wrong, if anything is.
}
