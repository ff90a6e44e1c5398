// The WGSL module of a kernel: what its declaration says (directives, constants, parameters, bindings), then its files,
// joined. WGSL does not care about declaration order, so composition is concatenation.
import type { Binding, Constants, ConstantType, Kernel, Need } from "./kernel.ts";

type Values = Readonly<Record<string, number | boolean>>;

export interface WgslModule {
  readonly code: string;
  /** Where a line of `code` came from, 1-based, as `file:line`. */
  origin(line: number): string;
}

const DIRECTIVES: Readonly<Record<Need, readonly string[]>> = {
  // Compilers cannot see that a subgroup's lanes stay together in our loops over rows.
  subgroups: ["enable subgroups;", "diagnostic(off, subgroup_uniformity);"],
  subgroup_id: ["requires subgroup_id;"],
  f16: ["enable f16;"],
};

/** Throws when a constant is missing or not of its type. */
export function composeModule(kernel: Kernel, constants: Values, readSource: (file: string) => string): WgslModule {
  const lines = [...declarations(kernel, constants)];
  const origins = lines.map((line) => `declaration (${line})`);
  const parts = kernel.source.map((file) => [file, readSource(file)] as const);
  if (kernel.text !== undefined) parts.push([`text of ${kernel.name}`, kernel.text]);
  for (const [file, text] of parts) {
    lines.push("", `// ---- ${file}`);
    origins.push(file, file);
    text
      .trimEnd()
      .split("\n")
      .forEach((line, i) => {
        lines.push(line);
        origins.push(`${file}:${i + 1}`);
      });
  }
  return { code: `${lines.join("\n")}\n`, origin: (line) => origins[line - 1] ?? "end of module" };
}

/** "layernorm, workgroup": a kernel among those of its name. */
export function kernelTitle({ name, variant }: Kernel): string {
  return variant === undefined ? name : `${name}, ${variant}`;
}

function declarations(kernel: Kernel, values: Values): string[] {
  const directives = kernel.needs.flatMap((need) => DIRECTIVES[need]);
  const fields = Object.entries(kernel.params);
  const constants = constantLines(kernel.name, kernel.constants, values);
  const bindings = bindingLines(Object.entries(kernel.bindings));
  return [
    `// ==== ${kernelTitle(kernel)}`,
    ...directives,
    ...constants,
    ...(fields.length > 0
      ? [
          "struct Params {",
          ...fields.map(([name, type]) => `  ${name}: ${type},`),
          "}",
          "@group(1) @binding(0) var<uniform> params: Params;",
        ]
      : []),
    ...bindings,
  ];
}

function constantLines(kernel: string, constants: Constants, values: Values): string[] {
  return Object.entries(constants).map(([name, type]) => {
    const value: number | boolean | undefined = values[name];
    if (value === undefined) throw new Error(`${kernel}: constant ${name} is missing`);
    return `const ${name}: ${type} = ${literal(value, type, `${kernel}: ${name}`)};`;
  });
}

/** Shapes stand in a column of their own. */
function bindingLines(bindings: readonly (readonly [string, Binding])[]): string[] {
  const declared = bindings.map(
    ([name, { access, element }], i) => `@group(0) @binding(${i}) var<storage, ${access}> ${name}: array<${element}>;`,
  );
  const width = Math.max(0, ...declared.map((line) => line.length));
  return bindings.map(
    ([, { shape, comment }], i) => `${declared[i].padEnd(width)}  // ${shape}${comment ? ` ${comment}` : ""}`,
  );
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
