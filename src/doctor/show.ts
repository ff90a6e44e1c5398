// Values in the messages of failed checks, and holes in the names of tests: what node:util does, in any runtime.

const MOST_MEMBERS = 8;
const MOST_DEPTH = 3;

/** A value on one line, in the way of Node's inspect(): `[ 1, 'a', { b: NaN } ]`. */
export function show(value: unknown, depth = 0): string {
  if (typeof value === "string") return `'${value}'`;
  if (Object.is(value, -0)) return "-0";
  if (typeof value === "function") return `[Function ${value.name || "(anonymous)"}]`;
  if (typeof value !== "object" || value === null) return String(value);
  if (value instanceof Error) return `[${value.name}: ${value.message}]`;
  const type = value.constructor?.name ?? "Object";
  if (depth > MOST_DEPTH) return `[${type}]`;
  const inner = (member: unknown): string => show(member, depth + 1);
  if (Array.isArray(value)) return list(value, inner, "[]");
  if (ArrayBuffer.isView(value) && "length" in value)
    return `${type}(${String(value.length)}) ${list(value as unknown as ArrayLike<unknown>, inner, "[]")}`;
  if (value instanceof Map)
    return `Map(${value.size}) ${list([...value], ([key, to]) => `${inner(key)} => ${inner(to)}`, "{}")}`;
  if (value instanceof Set) return `Set(${value.size}) ${list([...value], inner, "{}")}`;
  const named = list(Object.entries(value), ([key, member]) => `${key}: ${inner(member)}`, "{}");
  return type === "Object" ? named : `${type} ${named}`;
}

function list<T>(members: ArrayLike<T>, text: (member: T) => string, [open, close]: string): string {
  if (members.length === 0) return open + close;
  const shown = Array.from({ length: Math.min(members.length, MOST_MEMBERS) }, (_, i) => text(members[i]));
  const more = members.length - shown.length;
  return `${open} ${[...shown, ...(more > 0 ? [`... ${more} more items`] : [])].join(", ")} ${close}`;
}

/** %s and its like, filled in order: texts as they are, %j and %o as show() has them. */
export function fillHoles(text: string, values: readonly unknown[]): string {
  let next = 0;
  return text.replaceAll(/%[sdifjoO]/g, (hole) => {
    if (next >= values.length) return hole;
    const value = values[next++];
    return typeof value === "object" || /[joO]/.test(hole) ? show(value) : String(value);
  });
}
