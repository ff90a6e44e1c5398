// The text side of writing: gaps in documents, where sentences end, text that grows on a screen, answers to a file of
// gaps.
import { Writable } from "node:stream";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { wrapText } from "../src/cli/shared/format.ts";
import { answered, answerLine } from "../src/cli/generate/batch.ts";
import type { Candidate } from "../src/cli/generate/candidates.ts";
import { cutNote, limitNote, GapPrinter } from "../src/cli/generate/print.ts";
import { LiveText, rewrite, settledLength } from "../src/cli/generate/live-text.ts";
import { UserError } from "../src/errors.ts";
import { gapMetadata, parseDocument } from "../src/infill/document.ts";
import { lastSentenceEnd, trimToSentence } from "../src/infill/sentences.ts";
import { DEFAULT_TEMPLATE } from "../src/infill/template.ts";

describe("a document with a gap", () => {
  it("gives the paragraphs that touch it, unwrapped, and the text around it untouched", () => {
    const text =
      "\uFEFFTitle\r\n\r\nOnce there\r\n  was a mole.\r\n\r\n[[...]]\r\n\r\nHe went\r\nhome.\r\n\r\nThe end.\r\n";
    const { request, before, after } = parseDocument(text, "a.txt");
    expect(request).toEqual({ p1: "Once there was a mole.", p3: "He went home.", where: "a.txt" });
    expect(`${before}[[...]]${after}`).toBe(text);
  });
  it("may stand inside a paragraph, at either end, or among one-line paragraphs", () => {
    const ends = (text: string): string[] => {
      const { p1, p3 } = parseDocument(text, "a").request;
      return [p1, p3];
    };
    expect(ends("One.\n\nTwo. [[]] Three.\n\nFour.")).toEqual(["Two.", "Three."]);
    expect(ends("[[ ]]\n\nThree.")).toEqual(["", "Three."]);
    expect(ends("One.\nTwo.\n[[…]]\nThree.\nFour.")).toEqual(["Two.", "Three."]);
    expect(ends("One.\rTwo\r\r[[…]]\r\rThree\u00a0!\rFour.")).toEqual(["One. Two", "Three ! Four."]);
  });
  it.each<[string, unknown]>([
    ["", undefined],
    [" ... ", undefined],
    ["length=M; theme = hope, love;", { length: "M", theme: "hope, love" }],
    ["They find\nthe boat; all are glad.", "They find the boat; all are glad."],
    ["thème=espoir", { thème: "espoir" }],
    ["the\u0300me = espoir\u00a0; point de vue=elle", { thème: "espoir", "point de vue": "elle" }],
    ["主题=希望; l'heure=midi", { 主题: "希望", "l'heure": "midi" }],
    ["2 + 2 = 4, she says", "2 + 2 = 4, she says"],
    [
      "__proto__=x; constructor=y",
      Object.fromEntries([
        ["__proto__", "x"],
        ["constructor", "y"],
      ]),
    ],
    ["__proto__=x", Object.fromEntries([["__proto__", "x"]])],
  ])("reads %j in the brackets", (inside, meta) => expect(gapMetadata(inside, "a")).toEqual(meta));
  it.each([
    ["No gap.", "a.txt: no gap found"],
    ["A [[ gap", "never closed"],
    ["[[]]\n\n[[]]", "2 gaps found, in lines 1, 3"],
    ["[[length=M; hope]]", '"hope" stands among key=value pairs'],
    ["[[length=M; length=S]]", "gives length twice (M and S)"],
    ["[[]]\n".repeat(9), "9 gaps found, in lines 1, 2, 3, 4, 5, ..., wanted one"],
  ])("refuses %j", (text, message) => {
    expect(() => parseDocument(text, "a.txt")).toThrow(UserError);
    expect(() => parseDocument(text, "a.txt")).toThrow(message);
  });
});

it("a document takes time in proportion to its length", () => {
  const started = performance.now();
  const opened = `[[a]] ${"[[ ".repeat(300_000)}`;
  expect(parseDocument(opened, "a").request.p3).toHaveLength(899_999);
  expect(() => parseDocument("[[]]\n".repeat(100_000), "a")).toThrow("100000 gaps found");
  expect(parseDocument(`a${"\n ".repeat(300_000)}[[]]${" ".repeat(500_000)}b`, "a").request).toMatchObject({ p3: "b" });
  expect(performance.now() - started).toBeLessThan(10_000);
});

describe("sentence ends", () => {
  it.each([
    ["He ran. She", "He ran."],
    ['"Stop!" she cr', null],
    ['He ran. "Stop!" she cr', "He ran."],
    ['"Stop!" She', '"Stop!"'],
    ["Mr. Smith and Dr. J. Fox ran", null],
    ["in a burst of passion—Mr. Hargrave rose, --Mrs. Fox sat", null],
    ["It cost 3.50 then", null],
    ["He came. Mr.", "He came."],
    ["Well... he s", null],
    ["Well… Then", "Well…"],
    ["« Oui. » Il", "« Oui. »"],
    ["(He ran.) Th", "(He ran.)"],
    ["彼は走った。そ", "彼は走った。"],
  ])("%j is cut to %j", (text, cut) => {
    expect(trimToSentence(text)).toEqual(
      cut === null ? { text, unfinished: true, trimmed: false } : { text: cut, unfinished: true, trimmed: true },
    );
  });
  it("whole texts stay, and so does a beginning that was asked for", () => {
    expect(trimToSentence("He ran. She slept. ")).toEqual({
      text: "He ran. She slept. ",
      unfinished: false,
      trimmed: false,
    });
    expect(trimToSentence("He ran. Then she sl", "He ran. Then she".length)).toEqual({
      text: "He ran. Then she sl",
      unfinished: true,
      trimmed: false,
    });
  });
  it("once known, stay ends however the text goes on (property)", () => {
    const piece = fc.constantFrom(
      "He",
      "ran",
      " ",
      " ",
      "\n",
      ".",
      ".",
      "!",
      "?",
      "…",
      '"',
      "”",
      "»",
      "«",
      "Mr",
      "J",
      "a",
      "3",
      "。",
    );
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 14 }), fc.nat(14), (pieces, cut) => {
        const text = pieces.join("");
        const settled = lastSentenceEnd(pieces.slice(0, cut).join(""), { growing: true });
        expect(settled).toBeLessThanOrEqual(lastSentenceEnd(text, { growing: true }));
        expect(settled).toBeLessThanOrEqual(lastSentenceEnd(text));
      }),
      { seed: 1, numRuns: 2000 },
    );
  });
});

describe("text that grows", () => {
  /** What a terminal shows after `output`: only what rewrite() uses of it. */
  function screen(output: string): string {
    const lines = [""];
    let row = 0,
      column = 0;
    const escape = String.fromCharCode(27);
    for (const [token, up] of output.matchAll(new RegExp(`${escape}\\[(\\d+)A|${escape}\\[J|[^]`, "g"))) {
      if (up !== undefined) row -= Number(up);
      else if (token === `${escape}[J`) {
        lines.length = row + 1;
        lines[row] = lines[row].slice(0, column);
      } else if (token === "\r") column = 0;
      else if (token === "\n") {
        lines[++row] ??= "";
        column = 0;
      } else {
        lines[row] = lines[row].slice(0, column) + token + lines[row].slice(column + 1);
        column++;
      }
    }
    return lines.join("\n");
  }
  const stream = (tty: boolean) => {
    const sink = Object.assign(
      new Writable({
        write(chunk, _, done) {
          sink.text += String(chunk);
          done();
        },
      }),
      { text: "", isTTY: tty, columns: 30 },
    );
    return sink;
  };
  const layout = (text: string): string => wrapText(text, 24, " | ");

  it("is always all there on a terminal (property)", () => {
    const texts = fc.array(fc.stringMatching(/^( ?[a-z.]{1,8}\n?){0,9}$/), { minLength: 1, maxLength: 6 });
    fc.assert(
      fc.property(texts, (states) => {
        let output = "",
          shown = "";
        for (const state of states) {
          output += rewrite(shown, layout(state), 30);
          shown = layout(state);
          expect(screen(output)).toBe(shown);
        }
      }),
      { seed: 2 },
    );
  });
  it("comes into a file as it settles, and whole", () => {
    const sink = stream(false);
    const live = new LiveText({ stream: sink, layout, paint: (text) => `<${text}>` });
    live.show("He r", 0);
    expect(sink.text).toBe("");
    live.show("He ran. She sl", 7);
    live.finish("He ran. She slept until the morning came.");
    expect(sink.text).toBe("< | He ran.>< She slept\n | until the morning\n | came.>\n");
  });
  it("never needs correcting in a file, whether it settles by words or by sentences (property)", () => {
    const pieces = fc.array(fc.constantFrom("He", "ran", "mountains", " ", " ", " ", ". ", "! She", "\n", "…", "a"), {
      maxLength: 60,
    });
    fc.assert(
      fc.property(pieces, fc.boolean(), (parts, sentences) => {
        const sink = stream(false);
        const live = new LiveText({ stream: sink, layout, paint: (text) => text });
        let text = "";
        for (const part of parts) {
          text += part;
          live.show(text.trim(), settledLength(text.trim(), sentences));
        }
        const final = sentences ? trimToSentence(text.trim()).text : text.trim();
        live.finish(final);
        expect(sink.text).toBe(`${layout(final)}\n`);
      }),
      { seed: 3, numRuns: 500 },
    );
  });
  it("is wrapped beside a bar, between p1 and p3", () => {
    const page = new GapPrinter(
      stream(false),
      { p1: "One. ".repeat(30), p3: "", meta: { theme: "hope" } },
      DEFAULT_TEMPLATE,
    );
    const candidates: Candidate[] = [
      { text: "Two.", tokens: 2, reason: "eos", unfinished: false, trimmed: false, logProb: -0.5 },
      { text: "Too.", tokens: 1, reason: "eos", unfinished: false, trimmed: false, logProb: -1 },
    ];
    expect(page.before()).toMatch(/^\nP1 {3}One\. .*\n {5}One\. [^]*\n\n {5}\(theme: hope\)\n\n$/);
    expect(page.candidates(candidates)).toBe(
      "P2 ┃ 1 of 2 · 2 tokens, log-probability -0.500 a token\n   ┃ Two.\n   ┃\n   ┃ 2 of 2 · 1 token, " +
        "log-probability -1.000 a token\n   ┃ Too.\n",
    );
    expect(page.candidates(candidates.slice(0, 1))).toBe("P2 ┃ Two.\n");
    expect(page.after()).toBe("\nP3   (nothing after)\n");
    expect(limitNote(candidates, 9)).toBeUndefined();
    expect(limitNote([{ ...candidates[0], reason: "length", unfinished: true, trimmed: true }], 9)).toContain(
      "limit of 9 new tokens in the middle of a sentence: cut back",
    );
    expect(cutNote({ gaps: 0, room: [9, 9] })).toBeUndefined();
    expect(cutNote({ gaps: 1, room: [192, 192] })).toBe(
      "The paragraphs around the gap were cut at their far ends, to the 192 tokens that the context leaves them",
    );
  });
});

describe("answers to a .jsonl file", () => {
  const lines = [
    { p1: "a", p3: "b", id: 7 },
    { p1: "é\n", p3: "", candidates: "old" },
    { p1: "c", p3: "d", meta: {} },
  ];
  const candidate: Candidate = { text: "x", tokens: 1, logProb: -1, reason: "eos", unfinished: false, trimmed: false };
  const whole = lines.map((line) => answerLine(line, [candidate])).join("");

  it("hold the line and its candidates", () => {
    expect(whole.split("\n", 2).map((line) => JSON.parse(line) as unknown)[1]).toEqual({
      p1: "é\n",
      p3: "",
      candidates: [{ p2: "x", tokens: 1, log_prob_per_token: -1, finish_reason: "eos", trimmed: false }],
    });
  });
  it("are gone on with wherever a run was cut off", () => {
    for (let cut = 0; cut <= whole.length; cut++) {
      const { count, length } = answered(whole.slice(0, cut), lines, "out", "in");
      expect(
        whole.slice(0, length) +
          lines
            .slice(count)
            .map((line) => answerLine(line, [candidate]))
            .join(""),
      ).toBe(whole);
    }
  });
  it.each(["A novel.\n", "A novel", '{"p1":"a","p3":"x"}\n', `${whole}{`])("are not added to %j", (text) => {
    expect(() => answered(text, lines, "out", "in")).toThrow(
      /^out, line \d: is not an answer to .*; choose another --output_file\.$/,
    );
  });
});
