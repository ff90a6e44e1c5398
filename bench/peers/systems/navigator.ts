// Libraries for pages look for navigator.gpu: this engine's own Dawn and adapter stand there, and the names that pages
// have for buffers' uses.
import { requestGpu } from "../../../src/gpu/platform.ts";

export async function provideNavigator(): Promise<void> {
  const { globals } = (await import("webgpu")) as { readonly globals: object };
  Object.assign(globalThis, globals);
  const gpu = await requestGpu();
  const navigator = { userAgent: "Node.js", gpu, hardwareConcurrency: 2 };
  Object.defineProperty(globalThis, "navigator", { value: navigator, configurable: true });
}
