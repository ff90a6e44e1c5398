// The page of --explain: that it needs nothing else, that nothing in a text can break out of it, that its script runs
// and shows what it should, and that the command writes it beside the same text.
import { spawn } from "node:child_process";
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { Script } from "node:vm";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { Explainer } from "../src/cli/generate/explain.ts";
import { write } from "../src/cli/generate/candidates.ts";
import { setUp } from "../src/cli/generate/setup.ts";
import { explain } from "../src/explain/explain.ts";
import type { Explanation, TokenChoiceDetail } from "../src/explain/explanation.ts";
import { explanationPage, scriptJson } from "../src/explain/page/page.ts";
import { tint } from "../src/explain/page/text-view.ts";
import { GPT2Decoder } from "../src/generation/device/gpt2-decoder.ts";
import { GPT2LMHeadModel } from "../src/gpt2/model.ts";
import { openFolder } from "../src/files/open.ts";
import type { Device } from "../src/gpu/device.ts";
import { GPT2Tokenizer } from "../src/tokenizer/tokenizer.ts";
import { openDevice } from "./check-kernel.ts";
import { openPage, parsePage } from "./page-dom.ts";
import { longPattern } from "./long-pattern.ts";

const root = fileURLToPath(new URL("..", import.meta.url));
const DEMO = join(root, "weights/demo");
let device: Device, model: GPT2LMHeadModel, tokenizer: GPT2Tokenizer;
let beams: Explanation, samples: Explanation;
let folder: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "explain-"));
  device = await openDevice();
  const demo = await openFolder(DEMO);
  tokenizer = await GPT2Tokenizer.fromPretrained(demo);
  model = await GPT2LMHeadModel.fromPretrained(device, demo);
  const inputIds = [tokenizer.encode("Once upon a time, a mole")];
  const eosTokenId = tokenizer.encode(".")[0];
  beams = (
    await explain(model, tokenizer, { inputIds, numBeams: 4, numReturnSequences: 2, maxNewTokens: 20, eosTokenId })
  ).explanation;
  samples = (
    await explain(model, tokenizer, {
      inputIds: [...inputIds, tokenizer.encode("Kim")],
      doSample: true,
      seed: 4,
      temperature: 1.5,
      numReturnSequences: 2,
      maxNewTokens: 12,
    })
  ).explanation;
});
afterAll(async () => {
  device.destroy();
  await rm(folder, { recursive: true });
});

/** What makes a browser fetch something. */
const FETCHES = longPattern(
  /https?:|\/\/[a-z]|<link|<img|<iframe|<object|<base|\b(src|href|srcset|action|poster)\s*=|@import|@font-face|url\(|/,
  /\bfetch\(|XMLHttpRequest|WebSocket|EventSource|sendBeacon|\bimport\(|importScripts|new Image/i,
);

describe("the page", () => {
  test("refers to nothing outside itself, and forbids it too", () => {
    for (const explanation of [beams, samples]) {
      // The data is not looked at by the browser, and its base64 may hold anything.
      const page = explanationPage(explanation).replace(/(id="data">).*?(?=<\/script>)/s, "$1");
      expect(page.length).toBeGreaterThan(20_000);
      expect(FETCHES.exec(page)?.[0]).toBeUndefined();
      expect(page).toContain(`content="default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'"`);
    }
    for (const bad of ["https://a.b", '<img src="x">', "@import 'x'", "background: url(x)", "fetch('x')"])
      expect(bad).toMatch(FETCHES);
  });

  test("is well-formed, with one script that parses", () => {
    const page = parsePage(explanationPage(beams));
    expect(page.querySelectorAll("h1")).toHaveLength(1);
    const scripts = page.querySelectorAll("script");
    expect(scripts.map((script) => script.getAttribute("type"))).toEqual(["application/json", null]);
    expect(() => new Script(scripts[1].textContent)).not.toThrow();
    expect(() => new Script(`${scripts[1].textContent})`)).toThrow(SyntaxError);
    expect(() => parsePage("<p><b></p>")).toThrow("</p> closes <b>");
  });

  test("holds the explanation as it is", () => {
    const [data] = parsePage(explanationPage(beams)).querySelectorAll("#data");
    expect(JSON.parse(data.textContent)).toEqual(JSON.parse(JSON.stringify(beams)));
  });

  test("tints from certain to one in a hundred", () => {
    expect([1, 0.1, 0.01, 1e-9, 0].map(tint)).toEqual([0, 0.5, 1, 1, 1].map((value) => expect.closeTo(value, 6)));
  });
});

describe("a hostile text", () => {
  const HOSTILE = [
    `</script><script>alert(1)</script>`,
    `"'&<b>`,
    `<!--`,
    `]]>`,
    "\u2028\u2029",
    "\u202Eabc",
    "${x}`\\",
    "</STYLE><img src=x onerror=alert(1)>",
  ];
  const choice = (id: number): TokenChoiceDetail => {
    const figures = { probability: 0.5, logProb: -0.7, rank: 1, entropy: 0.7 };
    return {
      ...figures,
      own: figures,
      alternatives: HOSTILE.map((_, i) => ({ id: i, probability: i === id ? 0.5 : 0.07, own: 0.1 })),
      added: null,
    };
  };
  const ids = HOSTILE.map((_, i) => i);
  const hostile: Explanation = {
    version: 1,
    model: HOSTILE[0],
    method: HOSTILE[1],
    options: [[HOSTILE[0], HOSTILE[7]]],
    vocabSize: 8,
    tokens: Object.fromEntries(HOSTILE.entries()),
    prompts: [
      {
        ids,
        text: HOSTILE,
        sections: [{ start: 0, label: HOSTILE[0] }],
        sequences: [
          {
            ids,
            text: HOSTILE,
            choices: ids.map(choice),
            finishReason: "length",
            kept: 8,
            score: -1,
            path: ids.map(() => 0),
          },
        ],
        beams: {
          beams: 1,
          groups: 1,
          steps: ids.map((token) => [{ token, beam: 0, parent: token === 0 ? -1 : 0, score: -token - 1, added: -1 }]),
        },
      },
    ],
  };

  test("stays text, in the page and in its data", () => {
    const html = explanationPage(hostile);
    expect(html.match(/<\/script/gi)).toHaveLength(2);
    expect(html.match(/<script/gi)).toHaveLength(2);
    expect(html).not.toMatch(/<!--|<img|<b>x|[\u2028\u2029]/);
    const { all, root, one } = openPage(html, "#text=0&token=0");
    expect(all("img")).toHaveLength(0);
    const [data] = root.querySelectorAll("#data");
    expect(JSON.parse(data.textContent)).toEqual(hostile);
    expect(one("#name").textContent).toBe(HOSTILE[0]);
    expect(all("#alternatives .word").map((word) => word.textContent)).toEqual(HOSTILE);
    expect(all(".made")[0].textContent).toBe(HOSTILE[0]);
    expect(all(".made")[5].textContent).toBe("⟨U+202E⟩abc");
  });
  test("would break out of plain JSON", () => {
    expect(JSON.stringify(hostile)).toMatch(/<\/script/);
    expect(scriptJson(hostile)).not.toMatch(/[<>&\u2028\u2029]/);
    expect(JSON.parse(scriptJson(hostile))).toEqual(hostile);
  });
});

describe("its script", () => {
  const P = (): number => beams.prompts[0].ids.length;
  const sequence = (): Explanation["prompts"][number]["sequences"][number] => beams.prompts[0].sequences[0];

  test("opens with its most surprising token, and none after it is closed", () => {
    const { one, all } = openPage(explanationPage(beams));
    const { ids, choices } = sequence();
    const least = choices.reduce((best, { probability }, t) => (probability < choices[best].probability ? t : best), 0);
    expect(one("#which").textContent).toBe(`token ${ids[least]} · ${least + 1} of ${ids.length}`);
    expect(all(".view").map((view) => view.hidden)).toEqual([false, true]);
    one("#close").fire("click");
    expect([one("#panel").classList.contains("empty"), one("#about").hidden, all(".on")]).toEqual([true, true, []]);
  });

  test("shows a token's figures, its alternatives, its place among the beams; hover passes, a click stays", () => {
    const { one, all, location } = openPage(explanationPage(beams));
    const [first, second] = all(".view")[0].querySelectorAll(".made");
    second.fire("pointerover");
    expect(one("#name").textContent).toBe(beams.tokens[sequence().ids[1]]);
    expect(one("#which").textContent).toBe(`token ${sequence().ids[1]} · 2 of ${sequence().ids.length}`);
    one("#close").fire("click");
    all(".view")[0].fire("pointerleave");
    expect(one("#about").hidden).toBe(true);
    first.fire("click");
    const choice = sequence().choices[0];
    const figures = one("#figures").textContent;
    expect(figures).toContain(`rank${choice.rank}`);
    expect(figures).toContain(choice.logProb!.toFixed(3).replace("-", "−"));
    expect(figures).toContain("added to beam");
    expect(all("#alternatives .word").map((word) => word.textContent)).toEqual(
      choice.alternatives.map(({ id }) => beams.tokens[id]),
    );
    expect(location.hash).toBe("#text=0&token=0");
    expect(all(".tree .node.win").map(({ dataset }) => [Number(dataset.s), Number(dataset.i)])).toEqual(
      sequence().path!.map((i, t) => [t, i]),
    );
    expect(all(".tree .node.on")).toHaveLength(1);
    all(".view")[0].fire("pointerleave");
    expect(one("#about").hidden).toBe(false);
  });

  test("shows both distributions where they differ, and the chosen token where it is not among the ten", () => {
    const {
      prompts: [
        {
          sequences: [{ choices }],
        },
      ],
    } = samples;
    const token = choices.findIndex(({ probability, own }) => Math.abs(probability - own.probability) > 0.05);
    expect(token).toBeGreaterThanOrEqual(0);
    const { one, all } = openPage(explanationPage(samples), `#text=0&token=${token}`);
    expect(one("#figures").textContent).toContain("chosen frommodel’s own");
    expect(one("#ownkey").hidden).toBe(false);
    expect(all("#alternatives u").length).toBeGreaterThanOrEqual(10);
    const rare = samples.prompts
      .flatMap(({ sequences }) => sequences)
      .map(({ choices }) => choices.findIndex(({ rank }) => rank > 10));
    const view = rare.findIndex((t) => t >= 0);
    expect(view).toBeGreaterThanOrEqual(0);
    expect(
      openPage(explanationPage(samples), `#text=${view}&token=${rare[view]}`).all("#alternatives .word"),
    ).toHaveLength(11);
  });

  test("goes along the text by keys, and lets go by Escape", () => {
    const { one, all } = openPage(explanationPage(beams));
    const made = all(".view")[0].querySelectorAll(".made");
    made[0].focus();
    made[0].fire("keydown", { key: "ArrowRight" });
    made[1].fire("keydown", { key: "ArrowRight" });
    expect(one("#which").textContent).toContain("3 of");
    expect(made.map(({ tabIndex }) => tabIndex).filter((index) => index === 0)).toHaveLength(1);
    made[2].fire("keydown", { key: "End" });
    expect(one("#which").textContent).toContain(`${made.length} of ${made.length}`);
    made.at(-1)!.fire("keydown", { key: "ArrowRight" });
    expect(one("#which").textContent).toContain(`${made.length} of ${made.length}`);
    made[0].fire("keydown", { key: "Escape" });
    expect(one("#about").hidden).toBe(true);
  });

  test("changes the text, and with it the path and the prompt", () => {
    const { one, all } = openPage(explanationPage(samples), "#text=0&token=1");
    one("#text").value = "2";
    one("#text").fire("change");
    expect(all(".view").map((view) => view.hidden)).toEqual([true, true, false, true]);
    expect(one("#about").hidden).toBe(true);
    const other = openPage(explanationPage(beams), "#text=1");
    expect(other.all(".tree .node.win")).toHaveLength(beams.prompts[0].sequences[1].ids.length);
  });

  test("walks the tree by keys and says what stands there", () => {
    const { one, all } = openPage(explanationPage(beams));
    const node = all(".tree .node")[0];
    node.focus();
    expect(one(".note").textContent).toMatch(/^Step 1, beam 1: /);
    node.fire("keydown", { key: "ArrowDown" });
    expect(one(".note").textContent).toMatch(/^Step 1, beam 2: /);
    node.fire("keydown", { key: "ArrowRight" });
    expect(one(".note").textContent).toMatch(/^Step 2, .*continues beam 1;/);
    expect(beams.prompts[0].beams!.steps.flat().some(({ ended }) => ended !== undefined)).toBe(true);
    expect(all(".tree .ended").length).toBeGreaterThan(0);
  });

  test("unpacks attention: rows sum to one, the mean is that of the heads, tint and grid follow", () => {
    const page = openPage(explanationPage(beams), "#text=0&token=4");
    const at = (layer: number | null, head: number | null): number[] => [
      ...(page.evaluate(`weightsOf(views[0], 4, ${layer}, ${head})`) as Float32Array),
    ];
    const { layers, heads } = beams.attention!;
    const rows = layers.flatMap((_, l) => Array.from({ length: heads }, (_, h) => at(l, h)));
    for (const row of rows) {
      expect(row).toHaveLength(P() + 4);
      expect(row.reduce((sum, weight) => sum + weight, 0)).toBeCloseTo(1, 1);
    }
    at(null, null).forEach((weight, k) =>
      expect(weight).toBeCloseTo(rows.reduce((sum, row) => sum + row[k], 0) / rows.length, 5),
    );
    at(1, null).forEach((weight, k) =>
      expect(weight).toBeCloseTo(rows.slice(heads, 2 * heads).reduce((sum, row) => sum + row[k], 0) / heads, 5),
    );
    expect(rows[0]).not.toEqual(rows[1]);
    const tints = (): number[] =>
      page
        .all(".view")[0]
        .querySelectorAll("[data-k]")
        .map(({ styles }) => Number(styles.get("--a")));
    const before = tints();
    expect(Math.max(...before.slice(0, P() + 4))).toBeGreaterThan(0.5);
    expect(before.slice(P() + 4).every((shade) => shade === 0)).toBe(true);
    expect(page.all("#grid button")).toHaveLength(layers.length * heads);
    expect(page.all("#grid canvas").every(({ drawn }) => drawn > 0)).toBe(true);
    page.all("#grid button")[heads + 1].fire("click");
    expect([page.one("#layer").value, page.one("#head").value, page.location.hash]).toEqual([
      "1",
      "1",
      "#text=0&token=4&layer=1&head=1",
    ]);
    expect(tints()).not.toEqual(before);
    expect(page.all("#looks .word").length).toBe(12 / 2);
  });
});

describe("--explain", () => {
  const gap = ["--p1", "Mia ran.", "--p3", "She slept."];
  const prepare = (...argv: string[]) => setUp(["--model", DEMO, ...argv], DEMO);

  test.each<[string[], string]>([
    [
      [...gap, "--explain_layers", "1"],
      "--explain_layers 1 says what the page of --explain holds; add --explain page.html, or leave it out.",
    ],
    [
      [...gap, "--explain", "page.txt"],
      '--explain is "page.txt", expected the name of an HTML page to write; let it end in .html.',
    ],
    [
      ["--interactive", "--explain", "x.html"],
      "--explain shows one gap or prompt, and --interactive writes again and again",
    ],
    [
      ["--input_file", "gaps.jsonl", "--explain", "x.html"],
      "--explain shows one gap or prompt, and a .jsonl --input_file has many",
    ],
    [[...gap, "--explain", "none/x.html"], "none/x.html: its folder does not exist; choose another --explain."],
    [[...gap, "--explain", "folder.html"], "folder.html: it is a folder; choose another --explain."],
    [["--document", "story.html", "--explain", "story.html"], "the input itself; choose another file."],
    [
      [...gap, "--explain", "x.html", "--explain_layers", "0,4"],
      "Layer 4 is asked for, and the model has layers 0 to 3; name one of those (--explain_layers, " +
        "--max_new_tokens, --num_return_sequences).",
    ],
    [
      [...gap, "--explain", "x.html", "--do_sample", "--num_return_sequences", "400"],
      "The attention of one layer takes",
    ],
  ])("refuses %j", async (argv, message) => {
    await mkdir(join(folder, "folder.html"), { recursive: true });
    await writeFile(join(folder, "gaps.jsonl"), '{"p1":"a","p3":"b"}\n');
    await writeFile(join(folder, "story.html"), "One.\n\n[[...]]\n\nTwo.");
    const before = await readdir(folder);
    await expect(
      prepare(...argv.map((word) => (/\.(html|jsonl)$/.test(word) ? join(folder, word) : word))),
    ).rejects.toThrow(message);
    expect(await readdir(folder)).toEqual(before);
  });

  test("leaves nothing when the page cannot be written", async () => {
    const gone = join(folder, "gone");
    await mkdir(gone);
    const setup = await prepare(...gap, "--max_new_tokens", "4", "--explain", join(gone, "x.html"));
    const explainer = new Explainer(join(gone, "x.html"), setup, model);
    const written = await write({
      decoder: new GPT2Decoder(model),
      tokenizer,
      plan: setup.plan,
      trim: true,
      observer: explainer.watcher,
    });
    await rm(gone, { recursive: true });
    await expect(explainer.write(written)).rejects.toThrow(/^Cannot write .*x\.html: .*; choose another --explain\.$/);
    expect(await readdir(folder)).not.toContain("gone");
  });

  test("shows samples in the order in which they are printed, and what was cut off", async () => {
    const file = join(folder, "order.html");
    const setup = await prepare(
      ...gap,
      "--do_sample",
      "--seed",
      "2",
      "--num_return_sequences",
      "3",
      "--max_new_tokens",
      "25",
      "--prefix",
      "He",
      "--explain",
      file,
    );
    const explainer = new Explainer(file, setup, model);
    const written = await write({
      decoder: new GPT2Decoder(model),
      tokenizer,
      plan: setup.plan,
      trim: true,
      observer: explainer.watcher,
    });
    await explainer.write(written);
    const explanation = JSON.parse(
      parsePage(await readFile(file, "utf8")).querySelectorAll("#data")[0].textContent,
    ) as Explanation;
    const [prompt] = explanation.prompts;
    expect(prompt.sections.map(({ label }) => label)).toEqual([
      "Paragraph before",
      "Paragraph after",
      "Given beginning",
    ]);
    expect(written.rows[0]).not.toEqual([0, 1, 2]);
    prompt.sequences.forEach(({ text, kept, finishReason }, i) => {
      const candidate = written.candidates[0][i];
      const end = finishReason === "eos" ? 1 : 0;
      expect(`He${text.slice(0, candidate.trimmed ? kept : kept - end).join("")}`.trim()).toBe(candidate.text);
    });
    expect(written.candidates[0].some(({ trimmed }) => trimmed)).toBe(true);
  });

  test("prints the same as without, and writes the page", async () => {
    const run = (argv: string[]): Promise<{ code: number | null; out: string; err: string }> =>
      new Promise((resolve) => {
        const child = spawn(
          process.execPath,
          ["--import", "tsx", join(root, "src/generate.ts"), "--beam", "3", "--max_new_tokens", "30", ...argv],
          { cwd: root },
        );
        let out = "",
          err = "";
        child.stdout.on("data", (data) => (out += data));
        child.stderr.on("data", (data) => (err += data));
        child.on("close", (code) => resolve({ code, out, err }));
      });
    const file = join(folder, "whole.html");
    const [plain, explained] = [await run([]), await run(["--explain", file, "--explain_layers", "3"])];
    expect(explained.code, explained.err).toBe(0);
    expect(explained.out).toBe(plain.out);
    expect(explained.err).toContain(
      `Page     ${file}: a page to open in a browser, with the attention of layers 3 of 4; --explain_layers ` +
        `chooses others`,
    );
    expect((await readdir(folder)).filter((name) => name.startsWith("whole"))).toEqual(["whole.html"]);
    const page = openPage(await readFile(file, "utf8"), "#token=0");
    expect(page.one("#about").hidden).toBe(false);
    expect(page.all("#grid button")).toHaveLength(4);
  });
});
