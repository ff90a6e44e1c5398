// What bench/test-shim.ts uses of node:util, for a page.

export function inspect(value: unknown): string {
  if (ArrayBuffer.isView(value)) return `[${[...(value as Float32Array)].slice(0, 8).join(", ")}]`;
  try {
    return JSON.stringify(value) ?? String(value);
  } catch {
    return String(value);
  }
}

/** %s and its like, filled in order. */
export function format(text: string, ...values: unknown[]): string {
  let next = 0;
  return text.replaceAll(/%[sdifjoO]/g, (hole) => (next < values.length ? String(values[next++]) : hole));
}
