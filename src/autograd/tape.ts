// The tape: operations append in execution order, backward() walks them in reverse. It knows no operation by name: each
// brings a closure that turns the gradient of its output into gradients of its inputs.
import type { Device } from "../gpu/device.ts";
import { Scope } from "../gpu/scope.ts";
import type { DType, Shape, Tensor } from "../gpu/tensor.ts";
import type { Saved } from "../kernels/saved.ts";
import { isParameter } from "./variable.ts";
import type { Parameter, Variable } from "./variable.ts";

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
  /** What is kept for backward besides the residual stream and statistics, and what products read weights as. */
  readonly saves: Saved;
  /** While recording, of all that was acquired and recorded here; ended by backward() or end(). */
  readonly scope: Scope;
  private readonly nodes: Node[] = [];
  private readonly gradients = new Map<Variable, Tensor>();
  private readonly forgotten = new Set<Variable>();

  /** `saves`: "f16" in mixed precision, which records and whose parameters keep f16 copies; default "f32". */
  constructor(device: Device, recording: boolean, saves: Saved = "f32") {
    this.device = device;
    this.recording = recording;
    this.saves = saves;
    this.scope = new Scope(device.pool, "What forward() recorded");
  }

  /** A tensor from the pool for an operation's output or saved statistics. */
  acquire(shape: Shape, dtype: DType = "f32"): Tensor {
    return this.recording ? this.scope.acquire(shape, dtype) : this.device.pool.acquire(shape, dtype);
  }

  /** As acquire(), of an activation beside the residual stream: f16 in mixed precision. */
  activation(shape: Shape): Tensor {
    return this.acquire(shape, this.saves);
  }

  /** A weight matrix as products read it. */
  weight({ name, value, half }: Parameter): Tensor {
    if (this.saves === "f32") return value;
    if (!half) throw new Error(`Tape: mixed precision wants an f16 copy of ${name}; call keepHalves() before`);
    return half;
  }

  /** Keeps a tensor (uploaded ids, a mask) until the tape ends: in backward() or end(). */
  keep(tensor: Tensor): Tensor {
    return this.scope.adopt(tensor);
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
    if (this.recording) {
      for (const tensor of [output, ...saved]) this.scope.adopt(tensor);
      this.nodes.push({ output: variable, saved, backward });
    } else for (const tensor of saved) this.device.pool.release(tensor);
    return variable;
  }

  /** The caller is done with this output. While recording nothing happens: backward still needs it. */
  release(variable: Variable): void {
    if (!this.recording) this.device.pool.release(variable.value);
  }

  /** As release(), of an output whose value no backward reads: its memory is free while recording, too. */
  forget(variable: Variable): void {
    if (!this.recording) return this.release(variable);
    this.scope.giveBack(variable.value);
    this.forgotten.add(variable);
  }

  /** This output belongs to the caller from now on: neither backward() nor end() releases it. */
  giveAway(variable: Variable): void {
    this.scope.letGo(variable.value);
  }

  /**
   * Adds the gradient of `loss` (a scalar; its own gradient is 1 and built into the loss kernel) to every parameter's
   * grad. The tape has ended then, also when this throws: half the gradients may then have been added.
   */
  backward(loss: Variable): void {
    if (!this.recording)
      throw new Error("backward: nothing was recorded; give forward() labels and no cache, on a model with gradients");
    this.scope.expectOpen();
    if (this.nodes.every((node) => node.output !== loss))
      throw new Error(`backward: ${loss.name} was not computed on this tape`);
    this.device.pool.attempt(() => {
      try {
        this.gradients.set(loss, loss.value);
        this.walk();
      } finally {
        this.end("backward() had run");
      }
    });
  }

  /**
   * backward() of `output` from its gradient, within another tape's backward. Returns the gradient of `leaf`, which was
   * computed elsewhere, if it has one: dy's own tensor, or one that the caller owns from now on.
   */
  backwardFrom(output: Variable, dy: Tensor, leaf: Variable): Tensor | undefined {
    try {
      this.gradients.set(output, dy);
      this.walk();
      const dleaf = this.gradients.get(leaf);
      if (dleaf) this.scope.letGo(dleaf);
      return dleaf;
    } finally {
      this.end("its backward had run");
    }
  }

  /** Releases what is kept, once. A tape that recorded and is dropped without backward() must be ended, or it leaks. */
  end(by = "it was disposed of"): void {
    this.nodes.length = 0;
    this.gradients.clear();
    this.forgotten.clear();
    this.scope.end(by);
  }

  write(input: Variable, launch: (dst: Tensor, accumulate: boolean) => void): void {
    if (!input.requiresGrad) return;
    if (isParameter(input)) {
      if (input.grad) launch(input.grad, true);
      return;
    }
    const held = this.gradients.get(input);
    const dst = held ?? this.acquire(input.value.shape, input.value.dtype);
    launch(dst, held !== undefined);
    this.gradients.set(input, dst);
  }

  adopt(input: Variable, dy: Tensor, add: (dst: Tensor) => void): void {
    if (!input.requiresGrad) return;
    const held = isParameter(input) ? input.grad : this.gradients.get(input);
    if (held) add(held);
    else this.gradients.set(input, dy);
  }

  /** The operations in reverse, each giving back what only it needed. */
  private walk(): void {
    for (let node = this.nodes.pop(); node; node = this.nodes.pop()) {
      const { output, saved, backward } = node;
      const dy = this.gradients.get(output);
      this.gradients.delete(output);
      if (dy && output.requiresGrad) backward(dy, this);
      // dy may be the output's own buffer (a gradient made in place) or have been adopted by an input.
      // A forgotten one's buffer may be another's by now.
      const own = this.forgotten.has(output) ? [] : [output.value];
      for (const tensor of [...own, ...saved, ...(dy ? [dy] : [])])
        if (!this.isHeld(tensor)) this.scope.giveBack(tensor);
    }
  }

  private isHeld(tensor: Tensor): boolean {
    for (const gradient of this.gradients.values()) if (gradient.buffer === tensor.buffer) return true;
    return false;
  }
}
