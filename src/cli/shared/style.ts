// Colour on terminals. NO_COLOR turns it off (no-color.org), FORCE_COLOR on, for a pipe too, or off with 0 or false
// (force-color.org); the second wins, as in Node. An empty variable counts as unset.

export type Paint = (text: string) => string;

export interface Style {
  readonly bold: Paint;
  readonly dim: Paint;
  /** What the model wrote. */
  readonly written: Paint;
}

export function hasColour(
  stream: { readonly isTTY?: boolean },
  env: Readonly<Record<string, string | undefined>> = process.env,
): boolean {
  if (env.FORCE_COLOR) return !/^(0|false)$/i.test(env.FORCE_COLOR);
  return stream.isTTY === true && !env.NO_COLOR && env.TERM !== "dumb";
}

export function styleFor(stream: { readonly isTTY?: boolean }): Style {
  const coloured = hasColour(stream);
  const paint = (on: number, off: number): Paint =>
    coloured ? (text) => `\x1b[${on}m${text}\x1b[${off}m` : (text) => text;
  return { bold: paint(1, 22), dim: paint(2, 22), written: paint(36, 39) };
}
