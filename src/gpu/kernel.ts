// A kernel is a record: which WGSL files, which storage bindings, which uniform parameters, which compile-time
// constants. A module is the files' directives, a generated prelude of `const`s, then the files joined; WGSL does not
// care about declaration order, so composition is concatenation and a variant is another file list or another constant.

import type { Tensor } from "./tensor.ts";

export type Access = "read" | "read_write";
export type ParamType = "u32" | "i32" | "f32";
export type ConstantType = "u32" | "f32" | "bool";
type Names<T> = Readonly<Record<string, T>>;

export interface KernelSpec<B extends Names<Access>, P extends Names<ParamType>, K extends Names<ConstantType>> {
  /** Label, profiler row and error prefix. The entry point in WGSL is always `main`. */
  readonly name: string;
  /** Files under src/wgsl, joined in this order. */
  readonly source: readonly string[];
  /** WGSL that follows them: how a program outside this library brings a kernel of its own. */
  readonly text?: string;
  /** Storage buffers: `@group(0) @binding(i)`, i in declaration order. */
  readonly bindings: B;
  /**
   * Fields of `struct Params`, 4 bytes each, in order: `@group(1) @binding(0) var<uniform> params: Params`. At most 64.
   */
  readonly params: P;
  /** What the prelude defines: `const NAME: type = value;`. */
  readonly constants: K;
}

export interface Kernel<
  B extends Names<Access> = Names<Access>,
  P extends Names<ParamType> = Names<ParamType>,
  K extends Names<ConstantType> = Names<ConstantType>,
> extends KernelSpec<B, P, K> {
  readonly id: number;
  /** The names above, in order, as arrays: every launch walks them. */
  readonly bindingNames: readonly string[];
  readonly paramNames: readonly string[];
  readonly paramTypes: readonly ParamType[];
  readonly constantNames: readonly string[];
}

export type BindingsOf<B> = { readonly [N in keyof B]: Tensor };
export type ParamsOf<P> = { readonly [N in keyof P]: number };
export type ConstantsOf<K> = { readonly [N in keyof K]: K[N] extends "bool" ? boolean : number };

const kernels: Kernel[] = [];

/** Registers a kernel. A missing or misspelt binding, parameter or constant is a type error at the launch. */
export function defineKernel<
  const B extends Names<Access>,
  const P extends Names<ParamType>,
  const K extends Names<ConstantType>,
>(spec: KernelSpec<B, P, K>): Kernel<B, P, K> {
  const kernel = {
    ...spec,
    id: kernels.length,
    bindingNames: Object.keys(spec.bindings),
    paramNames: Object.keys(spec.params),
    paramTypes: Object.values(spec.params),
    constantNames: Object.keys(spec.constants),
  };
  kernels.push(kernel as unknown as Kernel);
  return kernel;
}

/** Every kernel defined so far, for tests that compare declarations with the WGSL. */
export function definedKernels(): readonly Kernel[] {
  return kernels;
}

export interface WgslModule {
  readonly code: string;
  /** Where a line of `code` came from, 1-based, as `file:line`. */
  origin(line: number): string;
}

const DIRECTIVE = /^\s*(enable|requires|diagnostic)\b.*;\s*$/;

/**
 * Joins prelude and sources. Directives must open a WGSL module, so they are lifted out of the files (their lines stay,
 * blank).
 */
export function composeModule(
  kernel: Kernel,
  constants: Names<number | boolean>,
  readSource: (file: string) => string,
): WgslModule {
  const directives = new Set<string>();
  const lines: string[] = [];
  const origins: string[] = [];
  const parts = kernel.source.map((file) => [file, readSource(file)]);
  if (kernel.text !== undefined) parts.push([`text of ${kernel.name}`, kernel.text]);
  for (const [file, text] of parts) {
    text.split("\n").forEach((line, i) => {
      const directive = DIRECTIVE.test(line);
      if (directive) directives.add(line.trim());
      lines.push(directive ? "" : line);
      origins.push(`${file}:${i + 1}`);
    });
  }
  const head = [...directives, ...prelude(kernel, constants)];
  return {
    code: [...head, ...lines].join("\n"),
    origin: (line) =>
      line <= head.length ? `prelude (${head[line - 1]})` : (origins[line - 1 - head.length] ?? "end of module"),
  };
}

function prelude(kernel: Kernel, constants: Names<number | boolean>): string[] {
  return Object.entries(kernel.constants).map(([name, type]) => {
    const value: number | boolean | undefined = constants[name];
    if (value === undefined) throw new Error(`${kernel.name}: constant ${name} is missing`);
    return `const ${name}: ${type} = ${literal(value, type, `${kernel.name}: ${name}`)};`;
  });
}

function literal(value: number | boolean, type: ConstantType, what: string): string {
  switch (type) {
    case "bool":
      return String(Boolean(value));
    case "u32":
      if (!Number.isInteger(value) || Number(value) < 0)
        throw new Error(`${what} is ${value}, expected an unsigned integer`);
      return `${value}u`;
    case "f32": {
      if (!Number.isFinite(value)) throw new Error(`${what} is ${value}, expected a finite number`);
      const text = String(value);
      return /[.e]/.test(text) ? `${text}f` : `${text}.0f`;
    }
    default:
      throw new Error(`${what}: unknown type ${type satisfies never}`);
  }
}
