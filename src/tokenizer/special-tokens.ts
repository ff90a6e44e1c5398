// Which tokens are special, and by what names: Hugging Face's roles (bos_token, ...), names of one's own (its
// `extra_special_tokens`), and those without a name (additional_special_tokens). The tokens themselves are among the
// added tokens.
import { UserError } from "../errors.ts";
import { nearestName } from "../fields.ts";
import { quote } from "../files/quote.ts";
import type { NewToken } from "./added-tokens.ts";
import { isTokenName, ROLE_KEYS, ROLES } from "./parts.ts";
import type { Role, TokenizerParts } from "./parts.ts";

/**
 * Special tokens by role or by a name of one's own, such as begin_P1. Ids are given in the order of the keys. A name is
 * of letters, digits and _, and is none of tokenizer_config.json's other keys.
 */
export interface NewSpecialTokens extends Readonly<Partial<Record<Role, NewToken>>> {
  readonly additionalSpecialTokens?: readonly NewToken[];
  readonly [name: string]: NewToken | readonly NewToken[] | undefined;
}

type SpecialParts = Pick<TokenizerParts, "roles" | "namedSpecialTokens" | "additionalSpecialTokens">;

const ADDITIONAL = "additionalSpecialTokens";
const KNOWN_KEYS: readonly string[] = [...ROLES, ADDITIONAL];

export class SpecialTokens {
  private readonly roles: Partial<Record<Role, string>>;
  private readonly named: Map<string, string>;
  private readonly additional: Set<string>;

  constructor({ roles, namedSpecialTokens = {}, additionalSpecialTokens }: SpecialParts) {
    this.roles = { ...roles };
    this.named = new Map(Object.entries(namedSpecialTokens));
    this.additional = new Set(additionalSpecialTokens);
  }

  /** The text of the token that plays a role, or has a name. */
  get(name: string): string | undefined {
    return Object.hasOwn(this.roles, name) ? this.roles[name as Role] : this.named.get(name);
  }

  /** As the files have them: by role and name, then the others. */
  parts(): SpecialParts {
    return {
      roles: this.roles,
      namedSpecialTokens: Object.fromEntries(this.named),
      additionalSpecialTokens: [...this.additional],
    };
  }

  /** By the keys of Hugging Face's files: eos_token, begin_P1, additional_special_tokens. */
  map(): Record<string, string | readonly string[]> {
    return specialTokensMap(this.parts());
  }

  /**
   * Takes in what addSpecialTokens() is given; `add` adds a token and returns its text. Throws UserError, having added
   * nothing, for a key that can be no name, or that is a misspelt role.
   */
  take(tokens: readonly NewToken[] | NewSpecialTokens, add: (token: NewToken) => string): void {
    const byName: NewSpecialTokens = isList(tokens) ? { [ADDITIONAL]: tokens } : tokens;
    const entries = Object.entries(byName).filter(([, value]) => value !== undefined);
    for (const [key, value] of entries) checkEntry(key, value!);
    for (const [key, value] of entries) {
      if (isList(value)) for (const token of value) this.additional.add(add(token));
      else if (isRole(key)) this.roles[key] = add(value!);
      else this.named.set(key, add(value!));
    }
  }
}

/** special_tokens_map.json. */
export function specialTokensMap(parts: SpecialParts): Record<string, string | readonly string[]> {
  const map: Record<string, string | readonly string[]> = {};
  for (const role of ROLES) if (parts.roles[role] !== undefined) map[ROLE_KEYS[role]] = parts.roles[role];
  Object.assign(map, parts.namedSpecialTokens);
  if (parts.additionalSpecialTokens.length > 0) map["additional_special_tokens"] = [...parts.additionalSpecialTokens];
  return map;
}

const isRole = (name: string): name is Role => Object.hasOwn(ROLE_KEYS, name);
const isList = (value: unknown): value is readonly NewToken[] => Array.isArray(value);

function checkEntry(key: string, value: NewToken | readonly NewToken[]): void {
  if (KNOWN_KEYS.includes(key)) {
    if (isList(value) !== (key === ADDITIONAL))
      throw new UserError(
        `addSpecialTokens: ${key} is ${quote(value)}, wanted ${key === ADDITIONAL ? "a list of tokens" : "one token"}.`,
      );
    return;
  }
  const meant = misspelt(key);
  if (meant !== undefined)
    throw new UserError(
      `addSpecialTokens: no role ${quote(key)}; did you mean ${meant}? A name of your own is further from it.`,
    );
  if (!isTokenName(key))
    throw new UserError(
      `addSpecialTokens: ${quote(key)} can be no token's name; wanted letters, digits and _, such as begin_P1, and ` +
        "no other key of tokenizer_config.json.",
    );
  if (isList(value))
    throw new UserError(
      `addSpecialTokens: ${key} is ${quote(value)}, wanted one token; several without names go to ${ADDITIONAL}.`,
    );
}

/**
 * The role that was meant: eos_token is eosToken in Hugging Face's spelling, eosTokn a slip of the hand; boi_token,
 * with its underscore, is a name that people do give.
 */
function misspelt(key: string): string | undefined {
  const plain = key.replaceAll("_", "").toLowerCase();
  const same = KNOWN_KEYS.find((known) => known.toLowerCase() === plain);
  return same ?? (key.includes("_") || !/tok/i.test(key) ? undefined : nearestName(key, KNOWN_KEYS));
}
