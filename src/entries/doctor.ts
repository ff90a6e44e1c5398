// gpt2-webgpu/doctor: whether a machine computes what it should, in a page, a worker, Node or Deno.
export type { KernelCheck } from "../doctor/check-table.ts";
export { doctor, kernelNames } from "../doctor/doctor.ts";
export type { DoctorOptions, DoctorReport } from "../doctor/doctor.ts";
export type { AdapterReport, Machine, StorageReport } from "../doctor/machine.ts";
