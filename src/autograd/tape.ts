// The tape: operations append in execution order, backward() walks them in reverse. It knows no operation by name: each
// brings a closure that turns the gradient of its output into gradients of its inputs.
import type { Device } from "../gpu/device.ts";
import type { DType, Shape, Tensor } from "../gpu/tensor.ts";
import { isParameter } from "./variable.ts";
import type { Variable } from "./variable.ts";

/** Backward writes a gradient here; the tape picks the buffer and says whether to add to what is in it. */
export interface GradientSink {
  write(input: Variable, launch: (dst: Tensor, accumulate: boolean) => void): void;
  /**
   * The gradient is `dy` itself (a residual add): the buffer is handed over if nobody holds one yet, else `add` is
   * launched.
   */
  adopt(input: Variable, dy: Tensor, add: (dst: Tensor) => void): void;
}

interface Node {
  readonly output: Variable;
  readonly saved: readonly Tensor[];
  readonly backward: (dy: Tensor, into: GradientSink) => void;
}

export class Tape implements GradientSink {
  readonly device: Device;
  /** False: nothing is kept for backward (evaluation, generation), and release() really releases. */
  readonly recording: boolean;
  private readonly nodes: Node[] = [];
  private readonly gradients = new Map<Variable, Tensor>();
  private readonly scratch: Tensor[] = [];
  private readonly given = new Set<Variable>();

  constructor(device: Device, recording: boolean) {
    this.device = device;
    this.recording = recording;
  }

  /** A tensor from the pool for an operation's output or saved statistics. */
  acquire(shape: Shape, dtype: DType = "f32"): Tensor {
    return this.device.pool.acquire(shape, dtype);
  }

  /** Keeps a tensor (uploaded ids, a mask) until the tape ends: in backward() or end(). */
  keep(tensor: Tensor): Tensor {
    this.scratch.push(tensor);
    return tensor;
  }

  /**
   * Notes an operation and returns its output as a variable. While recording, the tape owns `output` and `saved` until
   * backward has passed them; otherwise `saved` is released at once and the caller releases the output.
   */
  record(
    op: string,
    inputs: readonly Variable[],
    output: Tensor,
    saved: readonly Tensor[],
    backward: Node["backward"],
  ): Variable {
    const requiresGrad = this.recording && inputs.some((input) => input.requiresGrad);
    const variable: Variable = { value: output, requiresGrad, name: op };
    if (this.recording) this.nodes.push({ output: variable, saved, backward });
    else for (const tensor of saved) this.device.pool.release(tensor);
    return variable;
  }

  /** The caller is done with this output. While recording nothing happens: backward still needs it. */
  release(variable: Variable): void {
    if (!this.recording) this.device.pool.release(variable.value);
  }

  /** This output belongs to the caller from now on: neither backward() nor end() releases it. */
  giveAway(variable: Variable): void {
    this.given.add(variable);
  }

  /**
   * Adds the gradient of `loss` (a scalar; its own gradient is 1 and built into the loss kernel) to every parameter's
   * grad.
   */
  backward(loss: Variable): void {
    if (!this.recording) throw new Error("backward: this tape does not record; open one with recording = true");
    const last = this.nodes.findLastIndex((node) => node.output === loss);
    if (last < 0) throw new Error(`backward: ${loss.name} was not computed on this tape, or backward already ran`);
    const { pool } = this.device;
    this.gradients.set(loss, loss.value);
    for (const node of this.nodes.splice(0).reverse()) {
      const dy = this.gradients.get(node.output);
      this.gradients.delete(node.output);
      if (dy && node.output.requiresGrad) node.backward(dy, this);
      // dy may be the output's own buffer (a gradient made in place) or have been adopted by an input.
      if (dy && dy.buffer !== node.output.value.buffer && !this.isHeld(dy)) pool.release(dy);
      if (!this.given.has(node.output) && !this.isHeld(node.output.value)) pool.release(node.output.value);
      for (const tensor of node.saved) if (!this.isHeld(tensor)) pool.release(tensor);
    }
    this.end();
  }

  /**
   * Releases what is still kept. A recorded tape that is dropped without backward() must be ended, or its buffers leak.
   */
  end(): void {
    const { pool } = this.device;
    for (const node of this.nodes.splice(0)) {
      if (!this.given.has(node.output)) pool.release(node.output.value);
      for (const tensor of node.saved) pool.release(tensor);
    }
    for (const tensor of this.scratch.splice(0)) pool.release(tensor);
  }

  write(input: Variable, launch: (dst: Tensor, accumulate: boolean) => void): void {
    if (!input.requiresGrad) return;
    if (isParameter(input)) {
      if (input.grad) launch(input.grad, true);
      return;
    }
    const held = this.gradients.get(input);
    const dst = held ?? this.acquire(input.value.shape);
    launch(dst, held !== undefined);
    this.gradients.set(input, dst);
  }

  adopt(input: Variable, dy: Tensor, add: (dst: Tensor) => void): void {
    if (!input.requiresGrad) return;
    const held = isParameter(input) ? input.grad : this.gradients.get(input);
    if (held) add(held);
    else this.gradients.set(input, dy);
  }

  private isHeld(tensor: Tensor): boolean {
    for (const gradient of this.gradients.values()) if (gradient.buffer === tensor.buffer) return true;
    return false;
  }
}
