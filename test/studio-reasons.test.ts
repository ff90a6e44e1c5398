// The engine's sentences that the studio says in its own words: each pattern is held against the sentence as the
// engine's source has it, so that neither changes without the other.
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseAst } from "vite";
import { describe, expect, it } from "vitest";
import { LANGUAGES } from "../studio/src/i18n/language.ts";
import { PATTERNS, reasonIn } from "../studio/src/i18n/reasons.ts";

const SRC = fileURLToPath(new URL("../src/", import.meta.url));
/** What the command line alone says. */
const ELSEWHERE = /^(?:cli|doctor)\//;

interface Node {
  readonly type: string;
  readonly [field: string]: unknown;
}

/** What an expression says, what is put in as VALUE; undefined where it is no text. */
function textOf(node: Node): string | undefined {
  if (node.type === "Literal") return typeof node.value === "string" ? node.value : undefined;
  if (node.type === "TemplateLiteral")
    return (node.quasis as { value: { cooked: string } }[]).map(({ value }) => value.cooked).join("VALUE");
  if (node.type !== "BinaryExpression" || node.operator !== "+") return undefined;
  const [left, right] = [textOf(node.left as Node), textOf(node.right as Node)];
  return left === undefined && right === undefined ? undefined : (left ?? "VALUE") + (right ?? "VALUE");
}

/** All texts of a source, pieces that are joined by + as one. */
function textsOf(value: unknown): string[] {
  if (typeof value !== "object" || value === null) return [];
  const own = "type" in value ? textOf(value as Node) : undefined;
  const inner = Object.values(value).flatMap(textsOf);
  return own === undefined ? inner : [own, ...inner];
}

const sentences = readdirSync(SRC, { recursive: true, encoding: "utf8" })
  .filter((file) => file.endsWith(".ts") && !ELSEWHERE.test(file))
  .flatMap((file) => textsOf(parseAst(readFileSync(join(SRC, file), "utf8"), { lang: "ts" })));

describe("what the engine says", () => {
  it.each(PATTERNS.filter(([kind]) => kind !== "notThisFormat"))("%s is found in its sources", (kind, pattern) => {
    const found = sentences.filter((text) => pattern.test(text));
    expect(found.length, kind).toBeGreaterThan(0);
  });

  it("every text has a pattern, but those of the page itself", () => {
    const kinds = new Set<string>(PATTERNS.map(([kind]) => kind));
    expect(Object.keys(LANGUAGES.en.reasons).filter((kind) => !kinds.has(kind))).toEqual([]);
  });
});

describe("reasonIn", () => {
  const { en, fr } = LANGUAGES;

  it.each([
    ["The GPU device was lost (destroyed: Device was destroyed.): what was saved is safe", "deviceLost"],
    ["Cannot write own/1/data.json: the storage is full; free some (in the browser's", "storageFull"],
    ["This browser has no WebGPU: use a current Chrome", "noWebGpu"],
  ] as const)("%s: %s", (message, kind) => {
    expect(reasonIn(en.reasons, message)).toBe(en.reasons[kind]);
    expect(reasonIn(fr.reasons, message)).toBe(fr.reasons[kind]);
  });

  it("keeps names and numbers", () => {
    const missing =
      "http://localhost:1/models/none/config.json: there is no such file on the server; check the address.";
    expect(reasonIn(fr.reasons, missing)).toContain("pas de config.json à l’adresse http://localhost:1/models/none");
    const unknown = 'the gap: metadata field "mood" is unknown, wanted one of length, genre; rename it, or train with';
    expect(reasonIn(en.reasons, unknown)).toMatch(/no place for “mood”; it knows length, genre\./);
    const room = "The text has 900 tokens, and this model sees from 1 to 250 at once; choose a part of it.";
    expect(reasonIn(fr.reasons, room)).toContain("900 morceaux de mots, et ce modèle en voit 250");
    const pdf = "scan.pdf: not a readable text but a PDF document; convert it";
    expect(reasonIn(fr.reasons, pdf)).toMatch(/^c’est du PDF ;/);
    expect(reasonIn(fr.reasons, "a.pages: not a readable text but a Pages document; open it")).toBe(
      fr.reasons.notReadable,
    );
  });

  it("leaves what it does not know as it is", () => {
    expect(reasonIn(fr.reasons, "Something else happened.")).toBe("Something else happened.");
  });
});
