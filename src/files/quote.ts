// A value from someone else's file, as error messages show it: JSON, cut short, and never an error of its own.

/** At most 80 characters; "missing" for undefined. */
export function quote(value: unknown): string {
  let text: string;
  try {
    text = JSON.stringify(value) ?? "missing";
  } catch {
    // nested deeper than the stack allows
    return "deeply nested JSON";
  }
  return text.length > 80 ? `${text.slice(0, 77)}...` : text;
}
