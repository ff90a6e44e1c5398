// Which parameters a pattern of names means, for training the others only. A pattern names whole parts of a parameter's
// name, wherever they stand: "wte", "h.0", "attn.c_attn", "bias"; * is any text, ? one character, [0-5] one of these.
import { UserError } from "../errors.ts";
import { quote } from "../files/quote.ts";

/**
 * Those of `names` that any of the patterns means. Throws UserError for one that means none (a misspelt pattern would
 * else freeze nothing in silence), or holds what no pattern has; and where nothing would be left to train.
 */
export function frozenParameters(patterns: readonly string[], names: Iterable<string>): ReadonlySet<string> {
  const all = [...names];
  const frozen = new Set<string>();
  for (const pattern of patterns) {
    const expression = expressionOf(pattern);
    const found = all.filter((name) => expression.test(name));
    if (found.length === 0)
      throw new UserError(
        `freeze: ${quote(pattern)} is part of no parameter's name; wanted one such as transformer.wte, h.0, ` +
          "h.[0-5], attn.c_attn or bias (* stands for any text).",
      );
    for (const name of found) frozen.add(name);
  }
  if (frozen.size === all.length)
    throw new UserError(
      `freeze: ${quote(patterns.join(","))} means all ${all.length} parameters, and nothing would be left to train; ` +
        "freeze fewer.",
    );
  return frozen;
}

function expressionOf(pattern: string): RegExp {
  if (!/^(?:[\w.*?-]|\[!?[\w-]+\])+$/.test(pattern))
    throw new UserError(
      `freeze: ${quote(pattern)} is no pattern of parameter names; wanted parts of one, such as h.0 or attn.c_attn, ` +
        "with * for any text, ? for one character and [0-5] for one of these.",
    );
  const source = pattern.replaceAll(".", "\\.").replaceAll("*", ".*").replaceAll("?", ".").replaceAll("[!", "[^");
  try {
    return new RegExp(`(?:^|\\.)(?:${source})(?:\\.|$)`);
  } catch {
    throw new UserError(`freeze: ${quote(pattern)} has a range that runs backwards; wanted one such as [0-5].`);
  }
}
