// The studio's figures: nothing that is something is called nothing, and no size jumps its unit.
import { describe, expect, it } from "vitest";
import { bytesOf, figureOf, percentOf } from "../studio/src/i18n/figures.ts";
import { LANGUAGES } from "../studio/src/i18n/language.ts";

const plain = (text: string): string => text.replace(/[\u00a0\u202f]/g, " ");
const percent = (share: number): string => plain(percentOf("en", LANGUAGES.en.app, share));

describe("percentOf", () => {
  it.each([
    [0, "0%"],
    [1 / 13e6, "under 0.1%"],
    [0.00099, "under 0.1%"],
    [0.001, "0.1%"],
    [0.0042, "0.4%"],
    [0.0094, "0.9%"],
    [0.00996, "1%"],
    [0.42, "42%"],
    [0.9949, "99%"],
    [0.9952, "99.5%"],
    [0.9982, "99.8%"],
    [0.99999, "over 99.9%"],
    [1, "100%"],
  ])("%s: %s", (share, wanted) => expect(percent(share)).toBe(wanted));

  it("says so in French, too", () => {
    expect(plain(percentOf("fr", LANGUAGES.fr.app, 1e-9))).toBe("moins de 0,1 %");
    expect(plain(percentOf("fr", LANGUAGES.fr.app, 0.0042))).toBe("0,4 %");
  });

  it("calls only nothing 0% and only everything 100%", () => {
    for (let share = 1e-9; share < 1; share += 0.000_37)
      expect(["0%", "0.0%", "100%", "100.0%"]).not.toContain(percent(share));
  });
});

describe("figureOf", () => {
  it.each([
    [12.3456, "12.35"],
    [0, "0"],
    [0.1, "0.1"],
    [0.0042, "0.0042"],
    [0.00005, "0.00005"],
    [-0.001234, "-0.0012"],
    [1234.5, "1,234.5"],
  ])("%s: %s", (value, wanted) => expect(figureOf("en", value)).toBe(wanted));
});

describe("bytesOf", () => {
  it.each([
    [0, "0 bytes"],
    [1, "1 byte"],
    [999, "999 bytes"],
    [1000, "1 kB"],
    [999_499, "999 kB"],
    [999_501, "1 MB"],
    [2_049_000, "2 MB"],
    [2_060_000, "2.1 MB"],
    [999_960_000, "1 GB"],
    [5.4e12, "5.4 TB"],
  ])("%s: %s", (bytes, wanted) => expect(plain(bytesOf("en", bytes))).toBe(wanted));
});
