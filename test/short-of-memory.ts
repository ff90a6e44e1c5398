// A device whose memory is short when a test says so. Software adapters take memory only when it is written to, and
// then the process dies: that a buffer cannot be had must be played, in the two ways in which implementations tell it.
import type { Device } from "../src/gpu/device.ts";
import type { FoundAdapter } from "../src/gpu/platform.ts";

/**
 * Until the returned function is called, creating a buffer fails where `isShort` says so: within the call, as Dawn does
 * in Node, or `afterwards`, through the error scope, as browsers do.
 */
export function shortOfMemory(
  device: Device,
  isShort: (descriptor: GPUBufferDescriptor) => boolean,
  { afterwards = false } = {},
): () => void {
  const { gpu } = device;
  const inner = device as unknown as { adapter: FoundAdapter };
  const [create, pop] = [gpu.createBuffer, gpu.popErrorScope];
  let failed = false;
  const { adapter } = inner;
  inner.adapter = { ...adapter, errorsAtOnce: !afterwards };
  gpu.createBuffer = (descriptor) => {
    if (!isShort(descriptor)) return create.call(gpu, descriptor);
    // An invalid buffer, made by an error that can be had.
    gpu.pushErrorScope("validation");
    const broken = create.call(gpu, { ...descriptor, size: 2 ** 50 });
    void pop.call(gpu);
    failed = afterwards;
    if (!afterwards) tell(gpu);
    return broken;
  };
  gpu.popErrorScope = async () => {
    const told = failed;
    failed = false;
    const real = await pop.call(gpu);
    return told ? ({ message: "out of memory" } as GPUError) : real;
  };
  return () => {
    gpu.createBuffer = (descriptor) => create.call(gpu, descriptor);
    inner.adapter = adapter;
  };
}

function tell(gpu: GPUDevice): void {
  const event = Object.assign(new Event("uncapturederror"), { error: { message: "out of memory" } });
  gpu.dispatchEvent(event);
}
