// WebGPU's usage flags, spelled out: the globals that hold them (GPUBufferUsage, GPUMapMode, GPUShaderStage) exist in
// browsers, and Node does not have them.
const MAP_READ = 0x1;
const COPY_SRC = 0x4;
const COPY_DST = 0x8;
const UNIFORM = 0x40;
const STORAGE = 0x80;
const QUERY_RESOLVE = 0x200;

/** What each kind of buffer is used for. */
export const BUFFER_USAGE = {
  tensor: STORAGE | COPY_SRC | COPY_DST,
  readBack: MAP_READ | COPY_DST,
  upload: COPY_SRC | COPY_DST,
  params: UNIFORM | COPY_DST,
  queries: QUERY_RESOLVE | COPY_SRC,
} as const;

/** GPUMapMode.READ */
export const MAP_MODE_READ = 0x1;
/** GPUShaderStage.COMPUTE */
export const COMPUTE_STAGE = 0x4;
