// Watches a decoder at work: every call goes through, and what it costs the host is added up. Each answer that
// generation waits for (chosen tokens, candidates, logits) is one step.
import type { Decoder } from "../src/generation/device/decoder.ts";

export interface Step {
  /** When the answer came, in milliseconds. */
  readonly at: number;
  /** Milliseconds that calls have taken so far, prompts not counted: recording and sending work. */
  readonly encoding: number;
  /** WebGPU objects created so far. */
  readonly objects: number;
}

export class StepClock {
  /** To be given to generate() instead. */
  readonly decoder: Decoder;
  readonly steps: Step[] = [];
  private readonly countObjects: () => number;
  private encoding = 0;

  constructor(decoder: Decoder, countObjects: () => number) {
    this.countObjects = countObjects;
    this.decoder = this.watch(decoder);
  }

  private watch<T extends object>(target: T): T {
    return new Proxy(target, {
      get: (of, name) => {
        const value: unknown = Reflect.get(of, name, of);
        if (typeof value === "function")
          return this.timed(String(name), value.bind(of) as (...args: unknown[]) => unknown);
        return typeof value === "object" && value !== null && name === "sampler" ? this.watch(value) : value;
      },
    });
  }

  private timed(name: string, call: (...args: unknown[]) => unknown): (...args: unknown[]) => unknown {
    return (...args) => {
      const start = performance.now();
      const result = call(...args);
      if (name !== "prefill") this.encoding += performance.now() - start;
      if (!(result instanceof Promise)) return result;
      return result.then((answer: unknown) => {
        this.steps.push({ at: performance.now(), encoding: this.encoding, objects: this.countObjects() });
        return answer;
      });
    };
  }
}
