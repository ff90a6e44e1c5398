// A GPUDevice that takes every call and keeps nothing: what runs on it takes the same tensors in the same order as on
// the device it stands for, at the price of recording alone, so that the memory of a run is known before it is taken.
// What is read from it is zero.

/** With the limits and features of `like`. Of WebGPU's calls it has those that this library makes. */
export function dryGpu(like: GPUDevice): GPUDevice {
  const nothing = (): void => {};
  const pass = { setPipeline: nothing, setBindGroup: nothing, dispatchWorkgroups: nothing, end: nothing };
  const encoder = {
    beginComputePass: () => pass,
    copyBufferToBuffer: nothing,
    clearBuffer: nothing,
    finish: () => ({}),
  };
  const object = (): object => ({}); // bind groups and the like are told apart by identity
  const gpu = {
    limits: like.limits,
    features: like.features,
    lost: new Promise<never>(nothing),
    addEventListener: nothing,
    pushErrorScope: nothing,
    popErrorScope: () => Promise.resolve(null),
    createBuffer: ({ size }: GPUBufferDescriptor) => ({
      size,
      destroy: nothing,
      mapAsync: () => Promise.resolve(),
      getMappedRange: (_offset: number, bytes: number) => new ArrayBuffer(bytes),
      unmap: nothing,
    }),
    createBindGroupLayout: object,
    createPipelineLayout: object,
    createShaderModule: object,
    createComputePipeline: object,
    createBindGroup: object,
    createCommandEncoder: () => encoder,
    queue: { writeBuffer: nothing, submit: nothing, onSubmittedWorkDone: () => Promise.resolve() },
    destroy: nothing,
  };
  return gpu as unknown as GPUDevice;
}
