// Text of others on a terminal: nothing in it may steer the terminal, and no letter of any script is lost.
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { printableText } from "../src/files/quote.ts";

describe("foreign prose", () => {
  it("writes control characters as escapes", () => {
    expect(printableText("a\x1b[2Jb\x07\x9b31m\x7f\u202Ec\u2028\rd")).toBe(
      "a\\u001b[2Jb\\u0007\\u009b31m\\u007f\\u202ec\\u2028\\rd",
    );
  });

  it("keeps lines, tabs, accents, joiners and emoji", () => {
    const text = "e\u0301 \u00e9\tنمی‌خواهم\n👩‍🚀 \u200f中文\u00a0—";
    expect(printableText(text)).toBe(text);
    expect(printableText("a\r\nb\r\n")).toBe("a\nb\n");
  });

  it("leaves no control character (property)", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary" }), (text) => {
        expect(printableText(text)).not.toMatch(/[^\P{Cc}\n\t]|[\u2028\u2029]/u);
      }),
    );
  });
});
