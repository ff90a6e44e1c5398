// JSON and text from strangers: faults name their place, sizes and nesting are bounded, nothing reaches a terminal raw.
import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { UserError } from "../src/errors.ts";
import { decodeUtf8, MemoryFolder, readText } from "../src/files/folder.ts";
import { parseJson, readJson, readJsonObject } from "../src/files/json.ts";
import { printable, quote } from "../src/files/quote.ts";

/** The message of the UserError that `action` throws. */
function complaint(action: () => unknown): string {
  try {
    action();
  } catch (error) {
    expect(error).toBeInstanceOf(UserError);
    return (error as Error).message;
  }
  throw new Error("nothing was thrown");
}

describe("parseJson", () => {
  test("agrees with JSON.parse on every value, with and without a byte-order mark", () => {
    fc.assert(
      fc.property(fc.json(), fc.boolean(), (text, mark) => {
        expect(parseJson(mark ? `\uFEFF${text}` : text, "t")).toEqual(JSON.parse(text));
      }),
      { seed: 1 },
    );
  });

  test("a fault is told with line and column, or an excerpt, printable and short", () => {
    const broken = '{\n  "a": 1,\n  "b" 2\n}';
    expect(complaint(() => parseJson(broken, "m/config.json"))).toMatch(
      /^m\/config\.json: not valid JSON \(.* at line 3, column 7\); the file is cut short or damaged, so fetch/,
    );
    for (const text of [
      "",
      "{",
      `{"a":\u001b[31mred`,
      `{"a": "\u001b"}`,
      `[1,]${"x".repeat(1e5)}`,
      "\u009b".repeat(1e5),
    ]) {
      const message = complaint(() => parseJson(text, "t"));
      expect(message).toMatch(/^t: not valid JSON \(/);
      expect(message.length).toBeLessThan(250);
      expect(message).not.toMatch(/\p{Cc}/u);
    }
  });

  test("nesting is bounded, whatever is broken further in; brackets inside strings do not count", () => {
    const nested = (depth: number): string => "[".repeat(depth) + "]".repeat(depth);
    expect(parseJson(nested(128), "t")).toEqual(JSON.parse(nested(128)));
    expect(complaint(() => parseJson(nested(129), "t"))).toMatch(/nested more than 128 deep at line 1, column 129/);
    expect(complaint(() => parseJson('{"a":'.repeat(1e5), "t"))).toMatch(/nested more than 128 deep/);
    const text = JSON.stringify({ a: `${"[{".repeat(500)}"\\"`, b: ["\\", "[".repeat(200)] });
    expect(parseJson(text, "t")).toEqual(JSON.parse(text));
  });

  test("a key __proto__ is a key like others", () => {
    const value = parseJson('{"__proto__": {"eos_token": "x"}}', "t") as Record<string, unknown>;
    expect(value.eos_token).toBeUndefined();
    expect(Object.keys(value)).toEqual(["__proto__"]);
  });
});

describe("files", () => {
  test("a file of the wrong kind or size is named", async () => {
    const folder = new MemoryFolder(
      "m",
      new Map<string, string | Uint8Array>([
        ["list.json", "[]"],
        ["null.json", "null"],
        ["large.json", new Uint8Array(64_000_001).fill(0x20)],
      ]),
    );
    await expect(readJsonObject(folder, "list.json")).rejects.toThrow(
      "m/list.json: wanted a JSON object, found a list",
    );
    await expect(readJsonObject(folder, "null.json")).rejects.toThrow("found null");
    await expect(readJson(folder, "large.json")).rejects.toThrow(/large\.json: has 65 MB, and at most 64/);
  });

  test("a text longer than a string is refused before it is read", async () => {
    const size = async (): Promise<number> => 2 ** 30;
    const read = (): never => {
      throw new Error("read");
    };
    await expect(readText({ name: "m", size, read } as never, "b.txt")).rejects.toThrow(/b\.txt: has 1074 MB/);
  });

  test("the first bad byte is found, also behind many characters that straddle the pieces looked at", () => {
    const good = new TextEncoder().encode("a\u20ac".repeat(50_000)); // 200,000 bytes, characters of one and three
    for (const at of [0, 1, 4, 65_536, 65_537, 131_072, 199_996]) {
      const bytes = good.slice();
      const start = at - ((at + 3) % 4 === 3 ? 0 : (at - 1) % 4); // the start of the character that holds `at`
      bytes[at] = 0xff;
      const lead = at % 4 === 0 ? at : start;
      expect(complaint(() => decodeUtf8(bytes, "t"))).toContain(`offset ${lead})`);
    }
    expect(complaint(() => decodeUtf8(good.subarray(0, 199_999), "t"))).toContain("offset 199997)");
  });
});

describe("text for messages", () => {
  test("printable is short, on one line, and without what a terminal obeys", () => {
    expect(printable("plain \u00e9 \u{1F600} \u200d")).toBe("plain \u00e9 \u{1F600} \u200d");
    expect(printable("a\u001b[2J\r\nb\u009b\u202e\u007f\ud800")).toBe("a\\u001b[2J\\r\\nb\\u009b\\u202e\\u007f\\ud800");
    fc.assert(
      fc.property(fc.string({ unit: "binary", maxLength: 200 }), (text) => {
        expect(printable(text).length).toBeLessThanOrEqual(80);
        expect(printable(text)).not.toMatch(/[\p{Cc}\p{Cs}\u2028-\u202e\u2066-\u2069]/u);
      }),
      { seed: 1 },
    );
    expect(printable("x".repeat(80))).toBe("x".repeat(80));
    expect(printable("x".repeat(81))).toBe(`${"x".repeat(77)}...`);
  });

  test("quote shows any value so", () => {
    expect(quote('say "hi"\u001b\u0085')).toBe('"say \\"hi\\"\\u001b\\u0085"');
    expect(quote(undefined)).toBe("missing");
    expect(quote({ a: [1, null] })).toBe('{"a":[1,null]}');
    expect(quote("y".repeat(1e6)).length).toBe(80);
    expect(quote(["\u{1F600}".repeat(100)]).length).toBeLessThanOrEqual(80);
  });
});
