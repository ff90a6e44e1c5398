// Loaded with --import before a program: its GPU device is lost, each time after so many submits as LOSE_AT lists, one
// number a device ("40,15": the first after 40, the one that takes its place after 15, no other).
import { globals } from "webgpu";

const after = (process.env.LOSE_AT ?? "").split(",").filter(Boolean).map(Number);
const { requestDevice } = globals.GPUAdapter.prototype;
globals.GPUAdapter.prototype.requestDevice = async function (...args) {
  const device = await requestDevice.apply(this, args);
  let left = after.shift();
  if (left === undefined) return device;
  const { queue } = device;
  const submit = queue.submit.bind(queue);
  queue.submit = (buffers) => {
    submit(buffers);
    if (--left === 0) device.destroy();
  };
  return device;
};
