// A kernel declares itself once, here: which WGSL files it is made of, which storage buffers, uniform parameters and
// compile-time constants it has, and what it needs of the device. The WGSL of all that is generated (wgsl-module.ts);
// the files hold only the mathematics. A part is a piece of such a declaration: an epilogue brings its own files and
// bindings, and a variant is another part in the same place.
import type { DType, Tensor } from "./tensor.ts";

type Names<T> = Readonly<Record<string, T>>;

export type Access = "read" | "read_write";
export type ParamType = "u32" | "i32" | "f32";
export type ConstantType = "u32" | "f32" | "bool";
/** What the device or its compiler must offer: becomes the `enable` and `requires` lines of the module. */
export type Need = "subgroups" | "subgroup_id" | "f16";

/** Element types of storage buffers, and the dtype of the tensors that they are. */
const ELEMENTS = {
  f32: "f32",
  vec2f: "f32",
  vec4f: "f32",
  mat4x4f: "f32",
  u32: "u32",
  vec2u: "u32",
  vec4u: "u32",
  "atomic<u32>": "u32",
  f16: "f16",
  vec2h: "f16",
  vec4h: "f16",
} as const satisfies Names<DType>;
export type Element = keyof typeof ELEMENTS;

export interface Binding {
  readonly access: Access;
  readonly element: Element;
  /** In elements, for the reader: "[N, C]". */
  readonly shape: string;
  readonly comment: string | undefined;
  /** Of the tensors that may be bound. */
  readonly dtype: DType;
}

/** A storage buffer that is read. Shape and comment come out beside it in the module. */
export function read(element: Element, shape: string, comment?: string): Binding {
  return { access: "read", element, shape, comment, dtype: ELEMENTS[element] };
}

/** A storage buffer that is written, or read and written. */
export function readWrite(element: Element, shape: string, comment?: string): Binding {
  return { ...read(element, shape, comment), access: "read_write" };
}

/** The binding of a kernel that works on the bits of its tensor's numbers: of `dtype`, whatever its elements are. */
export function bitsOf(dtype: DType, binding: Binding): Binding {
  return { ...binding, dtype };
}

export type Bindings = Names<Binding>;
export type Params = Names<ParamType>;
export type Constants = Names<ConstantType>;
/** Of a declaration without bindings, parameters or constants. */
export type None = Readonly<Record<never, never>>;

export type BindingsOf<B> = { readonly [N in keyof B]: Tensor };
export type ParamsOf<P> = { readonly [N in keyof P]: number };
export type ConstantsOf<K> = { readonly [N in keyof K]: K[N] extends "bool" ? boolean : number };

/** What a launch cannot avoid doing; a profile compares its time with that. */
export interface Work {
  /** Operations; a multiply-add is two. Default: none that would count. */
  readonly flops?: number;
  /** Moved between memory and the GPU. Default: every bound tensor once. */
  readonly bytes?: number;
}

export interface Part<B extends Bindings = None, P extends Params = None, K extends Constants = None> {
  /** Files under src/wgsl, joined in this order. */
  readonly source: readonly string[];
  /** WGSL that follows them: how a program outside this library brings a kernel of its own. */
  readonly text?: string;
  /** Storage buffers: `@group(0) @binding(i)`, i in declaration order. */
  readonly bindings?: B;
  /**
   * Fields of `struct Params`, 4 bytes each, in order: `@group(1) @binding(0) var<uniform> params: Params`. At most 64.
   */
  readonly params?: P;
  /** `const NAME: type = value;`, the value given at the launch. */
  readonly constants?: K;
  /** Usual values of the constants: with them a tool can show or check the module without launching it. */
  readonly example?: NoInfer<ConstantsOf<K>>;
  readonly needs?: readonly Need[];
  /** Of one launch: what a profile compares its time with, and how a batch knows that it holds enough. */
  work?(params: NoInfer<ParamsOf<P>>, tensors: NoInfer<BindingsOf<B>>, constants: NoInfer<ConstantsOf<K>>): Work;
}

export interface KernelSpec<B extends Bindings, P extends Params, K extends Constants> extends Part<B, P, K> {
  /** Label, profiler row, error prefix, and stem of its files. The entry point in WGSL is always `main`. */
  readonly name: string;
  /** Which of the kernels of this name: "workgroup", ... */
  readonly variant?: string;
}

export interface Kernel<B extends Bindings = Bindings, P extends Params = Params, K extends Constants = Constants> {
  readonly id: number;
  readonly name: string;
  readonly variant: string | undefined;
  readonly source: readonly string[];
  readonly text: string | undefined;
  readonly bindings: B;
  readonly params: P;
  readonly constants: K;
  readonly example: ConstantsOf<K> | undefined;
  readonly needs: readonly Need[];
  readonly work:
    ((params: Names<number>, tensors: Names<Tensor>, constants: Names<number | boolean>) => Work) | undefined;
  /** What is above, in order, as arrays: every launch walks them. */
  readonly bindingNames: readonly string[];
  readonly dtypes: readonly DType[];
  readonly paramNames: readonly string[];
  readonly paramTypes: readonly ParamType[];
  readonly constantNames: readonly string[];
}

const MAX_PARAMS = 64; // a slot of 256 bytes, see batch.ts
const kernels: Kernel[] = [];
/** Each makes all the kernels of a family. */
const families: (() => void)[] = [];

/** Registers a kernel. A missing or misspelt binding, parameter or constant is a type error at the launch. */
export function defineKernel<
  const B extends Bindings = None,
  const P extends Params = None,
  const K extends Constants = None,
>(spec: KernelSpec<B, P, K>): Kernel<B, P, K> {
  const { bindings = {} as B, params = {} as P, constants = {} as K, needs = [] } = spec;
  const each = Object.values(bindings);
  const paramNames = Object.keys(params);
  if (paramNames.length > MAX_PARAMS)
    throw new Error(`${spec.name}: ${paramNames.length} parameters, at most ${MAX_PARAMS} fit a slot`);
  const half = each.some(({ element }) => ELEMENTS[element] === "f16");
  const kernel: Kernel<B, P, K> = {
    id: kernels.length,
    name: spec.name,
    variant: spec.variant,
    source: spec.source,
    text: spec.text,
    bindings,
    params,
    constants,
    example: spec.example,
    needs: [...new Set<Need>(half ? [...needs, "f16"] : needs)],
    work: spec.work as Kernel["work"],
    bindingNames: Object.keys(bindings),
    dtypes: each.map(({ dtype }) => dtype),
    paramNames,
    paramTypes: Object.values(params),
    constantNames: Object.keys(constants),
  };
  kernels.push(kernel);
  return kernel;
}

/**
 * The kernels of a family, each made when it is first asked for: no program needs all of them. `forms` are all there
 * are, for tools that list kernels.
 */
export function kernelForms<F extends string, K extends Kernel>(
  forms: readonly F[],
  make: (form: F) => K,
): (form: F) => K {
  const made = new Map<F, K>();
  const get = (form: F): K => {
    let kernel = made.get(form);
    if (!kernel) made.set(form, (kernel = make(form)));
    return kernel;
  };
  families.push(() => forms.forEach(get));
  return get;
}

/**
 * As kernelForms, where a form is also joined to one of several parts, such as an epilogue. `make` may be generic in
 * the part, and so is the result then: which is why the caller lists the forms itself, by listForms.
 */
export function joinedForms<F extends string, J extends object, K extends Kernel>(
  make: (form: F, part: J) => K,
): (form: F, part: J) => K {
  const made = new Map<F, Map<J, K>>();
  return (form, part) => {
    let ofForm = made.get(form);
    if (!ofForm) made.set(form, (ofForm = new Map()));
    let kernel = ofForm.get(part);
    if (!kernel) ofForm.set(part, (kernel = make(form, part)));
    return kernel;
  };
}

/** `makeAll` asks for every kernel of a family once. */
export function listForms(makeAll: () => void): void {
  families.push(makeAll);
}

/** Every kernel of the modules imported so far, in every form. */
export function definedKernels(): readonly Kernel[] {
  for (const makeAll of families) makeAll();
  return kernels;
}

/** One declaration of two: the files and bindings of the first come first. Throws where both name the same thing. */
export function join<
  A extends Bindings,
  B extends Bindings,
  P extends Params,
  Q extends Params,
  K extends Constants,
  L extends Constants,
>(first: Part<A, P, K>, second: Part<B, Q, L>): Part<A & B, P & Q, K & L> {
  for (const kind of ["bindings", "params", "constants"] as const) {
    const twice = Object.keys(first[kind] ?? {}).find((name) => name in (second[kind] ?? {}));
    if (twice !== undefined) throw new Error(`join: ${first.source} and ${second.source} both declare ${twice}`);
  }
  const both = { ...first.example, ...second.example };
  return {
    source: [...first.source, ...second.source],
    text: [first.text, second.text].filter((text) => text !== undefined).join("\n") || undefined,
    bindings: { ...first.bindings, ...second.bindings } as A & B,
    params: { ...first.params, ...second.params } as P & Q,
    constants: { ...first.constants, ...second.constants } as K & L,
    example: both as ConstantsOf<K & L>,
    needs: [...(first.needs ?? []), ...(second.needs ?? [])],
    ...pickWork(first, second),
  };
}

/** Where both say what they do, the first: the operation, which what is joined to it only completes. */
function pickWork(
  first: Part<Bindings, Params, Constants>,
  second: Part<Bindings, Params, Constants>,
): Pick<Part, "work"> {
  const work = first.work ?? second.work;
  return work ? { work: work as Part["work"] } : {};
}
