// src/generate.ts: what its flags, files and gaps mean, what it refuses, what it prints. Most is tested in this
// process; a few whole runs with a tiny model of random weights, steered by --sequence_bias, show that the parts fit
// together.
import { spawn } from "node:child_process";
import { cp, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { helpText, HelpRequested } from "../src/cli/shared/flags.ts";
import { flagName } from "../src/cli/shared/flag-table.ts";
import { answerLine } from "../src/cli/generate/batch.ts";
import { meanLogProbs } from "../src/writing/log-probs.ts";
import { GENERATE } from "../src/cli/generate/flags.ts";
import { inFlagNames } from "../src/cli/generate/options.ts";
import { ownLimits } from "../src/cli/generate/plan.ts";
import { setUp } from "../src/cli/generate/setup.ts";
import type { Setup } from "../src/cli/generate/setup.ts";
import { UserError } from "../src/errors.ts";
import { optionNames, optionOf } from "../src/generation/options/options.ts";
import type { OptionName } from "../src/generation/options/options.ts";
import { GPT2Decoder } from "../src/generation/device/gpt2-decoder.ts";
import { GPT2Config } from "../src/gpt2/config.ts";
import { GPT2LMHeadModel } from "../src/gpt2/model.ts";
import { requestDevice } from "../src/gpu/device.ts";
import { openFolder } from "../src/files/open.ts";
import { InfillEncoder } from "../src/infill/encode.ts";
import { DEFAULT_TEMPLATE, TEMPLATE_FILE, templateToJson } from "../src/infill/template.ts";
import { GPT2Tokenizer } from "../src/tokenizer/tokenizer.ts";

const root = fileURLToPath(new URL("..", import.meta.url));
const nPositions = 256;
/** " He." and the tokens it is made of: each calls for the next, and the last for the first. */
let loop: number[];
let tokenizer: GPT2Tokenizer;
let folder: string, model: string, plainModel: string, bounded: string;
let logProbs: number[][];
const at = (name: string): string => join(folder, name);

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "generate-"));
  [model, plainModel, bounded] = [at("model"), at("plain"), at("bounded")];
  tokenizer = GPT2Tokenizer.default().truncate(400);
  loop = tokenizer.encode(" He.");
  const device = await requestDevice();
  const sizes = { nPositions, nEmbd: 16, nLayer: 1, nHead: 2, initializerRange: 0.2, bosTokenId: null };
  // Two rows more than there are tokens, as in models whose vocabulary is padded to a round number.
  const bare = GPT2LMHeadModel.fromConfig(
    device,
    new GPT2Config({ ...sizes, vocabSize: tokenizer.vocabSize + 2, eosTokenId: null }),
    { gradients: false },
  );
  await bare.savePretrained(plainModel);
  await (await openFolder(plainModel)).write(tokenizer.save());
  tokenizer.addSpecialTokens({
    padToken: "[PAD]",
    eosToken: "[EOS]",
    additionalSpecialTokens: ["[P1]", "[P2]", "[P3]"],
  });
  const whole = GPT2LMHeadModel.fromConfig(
    device,
    new GPT2Config({ ...sizes, vocabSize: tokenizer.vocabSize, eosTokenId: 50256 }),
    { gradients: false },
  );
  await whole.savePretrained(model, { generationConfig: { top_k: 7, eos_token_id: 50256 } });
  await (
    await openFolder(model)
  ).write(
    new Map<string, string>([
      ...tokenizer.save(),
      [TEMPLATE_FILE, templateToJson(DEFAULT_TEMPLATE)],
      [
        "trainer_state.json",
        JSON.stringify({
          global_step: 12,
          log_history: [
            { loss: 3.5, step: 5 },
            { loss: 2.25, step: 10 },
            { eval_loss: 2.5, step: 12 },
          ],
        }),
      ],
    ]),
  );
  await cp(model, bounded, { recursive: true });
  const texts = [[5], [5, 9], [7, 3, 200]];
  const decoder = new GPT2Decoder(whole);
  logProbs = [await meanLogProbs(decoder, [1, 2, 3], texts), []];
  for (const text of texts) {
    const output = whole.forward({ inputIds: [[1, 2, 3, ...text]], labels: [[-100, -100, -100, ...text]] });
    logProbs[1].push(-(await output.loss!.item()));
  }
  device.destroy();
});
afterAll(() => rm(folder, { recursive: true, force: true }));

const prepare = (...argv: string[]): Promise<Setup> => setUp(["--model", model, ...argv], model);
const GAP = ["--p1", "Mia ran.", "--p3", "She slept."];

describe("the options of generate()", () => {
  /** A value as typed, and as an option. */
  const typed: Partial<Record<OptionName, [string, unknown]>> = {
    maxLength: ["40", 40],
    stopStrings: ["5", ["5"]],
    earlyStopping: ["never", "never"],
    topP: [".5", 0.5],
    minP: ["1e-1", 0.1],
    sequenceBias: ["[[[1,2],-3.5]]", [[[1, 2], -3.5]]],
    badWordsIds: ["[1],[2,3]", [[1], [2, 3]]],
    forceWordsIds: ["[1],[[2,3],[4]]", [[1], [[2, 3], [4]]]],
    eosTokenId: ["5, 6", [5, 6]],
    forcedEosTokenId: ["5", 5],
    exponentialDecayLengthPenalty: ["3,1.5", [3, 1.5]],
    suppressTokens: ["7", [7]],
    beginSuppressTokens: ["7,8", [7, 8]],
    diversityPenalty: ["0.5", 0.5],
    epsilonCutoff: ["0.1", 0.1],
    etaCutoff: ["0.1", 0.1],
    lengthPenalty: ["-1", -1],
  };
  const needs: Partial<Record<string, string[]>> = {
    earlyStopping: ["--beam", "2"],
    lengthPenalty: ["--beam", "2"],
    numBeamGroups: ["--beam", "2", "--diversity_penalty", "1"],
    diversityPenalty: ["--beam", "2", "--num_beam_groups", "2"],
    numReturnSequences: ["--do_sample"],
    forceWordsIds: ["--beam", "2"],
  };
  const sampling: OptionName[] = ["temperature", "topK", "topP", "minP", "typicalP", "epsilonCutoff", "etaCutoff"];

  it.each(optionNames)("%s is a flag", async (name) => {
    const bool = (optionOf(name).default === false && name !== "earlyStopping") || optionOf(name).default === true;
    const [text, value] = typed[name] ?? (bool ? ["true", true] : optionOf(name).accepts(2) ? ["2", 2] : ["0.5", 0.5]);
    const { plan, settings } = await prepare(
      ...GAP,
      flagName(name),
      text,
      ...(needs[name] ?? []),
      ...(sampling.includes(name) ? ["--do_sample"] : []),
      ...(name.startsWith("output") ? ["--json"] : []),
    );
    expect(settings.options[name]).toEqual(value);
    expect(plan.config[name]).toEqual(name === "suppressTokens" ? expect.arrayContaining([7]) : value);
  });
  it("come with the model's defaults under them", async () => {
    expect((await prepare(...GAP, "--do_sample")).plan.config).toMatchObject({ topK: 7, doSample: true });
    expect((await prepare(...GAP, "--do_sample", "--top_k", "3")).plan.config).toMatchObject({ topK: 3 });
  });
  it("are refused in the words of flags", async () => {
    for (const [argv, message] of [
      [["--temperature", "0"], '--temperature is "0", expected a number above 0.'],
      [
        ["--temperature", "0.5"],
        "--temperature 0.5 has no effect without --do_sample true; set that, or leave --temperature out.",
      ],
      [
        ["--num_return_sequences", "2"],
        "--num_return_sequences 2 and --do_sample false have one result, the greedy one; set --num_beams or " +
          "--do_sample.",
      ],
      [
        ["--max_length", "30", "--max_new_tokens", "3"],
        "--max_length 30 and --max_new_tokens 3 say the same thing twice; give one of them.",
      ],
      [["--bad_words_ids", "x"], '--bad_words_ids is "x", expected a list of lists of token ids.'],
      [
        ["--output_scores"],
        "--output_scores is returned in the object that --json prints; add --json, or leave it out.",
      ],
      [["--top_q", "1"], "Unknown flag --top_q; did you mean --top_k or --top_p? --help lists all flags."],
    ] as const)
      await expect(prepare(...GAP, ...argv)).rejects.toThrow(new UserError(message));
    expect(inFlagNames("topK and seed and topKs; minNewTokens")).toBe("--top_k and seed and topKs; --min_new_tokens");
  });
  it("are all in the help, with their defaults", () => {
    const text = helpText(GENERATE);
    for (const name of optionNames) expect(text).toMatch(new RegExp(`\\n  ${flagName(name)}\\b[^]*?default: `));
    expect(Math.max(...text.split("\n").map((line) => line.length))).toBeLessThanOrEqual(100);
    return expect(prepare("--help")).rejects.toThrow(HelpRequested);
  });
});

describe("a plan", () => {
  const special = (names: string[]): number[] => names.map((name) => tokenizer.tokenToId(name)!);

  it("ends a gap with the template's end and never chooses another special token, unless allowed", async () => {
    const { plan } = await prepare(...GAP);
    expect(plan.config.eosTokenId).toEqual(special(["[EOS]"]));
    expect(plan.config.padTokenId).toBe(special(["[PAD]"])[0]);
    expect(new Set(plan.config.suppressTokens)).toEqual(
      new Set(special(["<|endoftext|>", "[PAD]", "[P1]", "[P2]", "[P3]"])),
    );
    expect((await prepare(...GAP, "--allow_special_tokens")).plan.config.suppressTokens).toBeNull();
    expect(plan.prompts[0].ids.at(-1)).toBe(special(["[P2]"])[0]);
  });
  it("never chooses what the tokenizer does not know", async () => {
    const { plan } = await setUp(["--model", plainModel, "--prompt", "Hi", "--allow_special_tokens"], model);
    const { vocabSize } = GPT2Tokenizer.default().truncate(400);
    expect(plan.config.suppressTokens).toEqual([vocabSize, vocabSize + 1]);
  });
  it("keeps room for p2: as asked, else a quarter of the context and what is left", async () => {
    const long = ["--p1", "Mia ran home. ".repeat(200), "--p3", "She slept."];
    const room = async (...argv: string[]): Promise<[number, number | null]> => {
      const { plan } = await prepare(...argv);
      return [plan.prompts[0].ids.length, plan.config.maxNewTokens];
    };
    const [prompt, left] = await room(...GAP);
    expect([prompt < 40, left]).toEqual([true, nPositions - prompt]);
    const [cut, quarter] = await room(...long);
    expect([cut <= 192 && cut > 180, quarter]).toEqual([true, nPositions - cut]);
    const [small, asked] = await room(...long, "--max_new_tokens", "200");
    expect([small <= 56, asked]).toEqual([true, 200]);
    expect((await prepare(...long)).plan.cut).toEqual({ gaps: 1, room: [192, 192] });
    const { plan } = await prepare(...long, "--max_length", "50");
    expect([plan.prompts[0].ids.length <= 38, plan.config.maxLength, plan.config.maxNewTokens]).toEqual([
      true,
      50,
      null,
    ]);
  });
  it("begins p2 as --prefix says", async () => {
    const [free, forced] = [await prepare(...GAP), await prepare(...GAP, "--prefix", " Then she ")];
    expect(forced.plan.prompts[0]).toEqual({
      ids: [...free.plan.prompts[0].ids, ...tokenizer.encode(" Then she")],
      opening: "Then she",
      limits: {},
      room: nPositions - forced.plan.prompts[0].ids.length,
    });
  });
  it("bounds p2 by its length class, where the template says what that is", async () => {
    await writeFile(join(bounded, TEMPLATE_FILE), templateToJson({ ...DEFAULT_TEMPLATE, lengthBounds: [20, 40] }));
    const limits = async (...argv: string[]): Promise<unknown> =>
      (await setUp(["--model", bounded, ...GAP, ...argv], model)).plan.prompts[0].limits;
    expect(await limits("--meta", "length=S")).toEqual({ minNewTokens: 1, maxNewTokens: 21 }); // and the end token
    expect(await limits("--meta", "length=M")).toEqual({ minNewTokens: 21, maxNewTokens: 41 });
    expect(await limits("--meta", "length=M", "--prefix", "He.")).toEqual({
      minNewTokens: 21 - loop.length,
      maxNewTokens: 41 - loop.length,
    });
    expect(await limits("--meta", "length=L")).toEqual({ minNewTokens: 41, maxNewTokens: expect.any(Number) });
    expect([await limits(), await limits("--meta", "length=S", "--max_new_tokens", "50")]).toEqual([{}, {}]);
    await expect(limits("--meta", "length=long")).rejects.toThrow(/"long", wanted S \(up to 20 tokens\), M/);
  });
  it("shows each gap what training showed before its p2, whoever is filled with it", async () => {
    const template = { ...DEFAULT_TEMPLATE, lengthBounds: [20, 40] } as const;
    await writeFile(join(bounded, TEMPLATE_FILE), templateToJson(template));
    const encoder = new InfillEncoder(template, tokenizer);
    const long = { p1: "Mia ran home. ".repeat(60).trim(), p3: "She slept. ".repeat(60).trim() };
    const gaps = ["S", "M", "L", undefined].map((length) => ({ ...long, ...(length && { meta: { length } }) }));
    const file = at("classes.jsonl");
    const planOf = async (some: readonly object[]) => {
      await writeFile(file, some.map((gap) => `${JSON.stringify(gap)}\n`).join(""));
      return (await setUp(["--model", bounded, "--input_file", file], model)).plan;
    };
    const together = await planOf(gaps);
    for (const [i, gap] of gaps.entries()) {
      const alone = await planOf([gap]);
      const { ids } = together.prompts[i];
      expect(alone.prompts[0].ids).toEqual(ids);
      expect(ownLimits(together, together.prompts[i])).toEqual(ownLimits(alone, alone.prompts[0]));
      const example = encoder.encodeExample({ ...gap, p2: "He." }, { blockSize: nPositions })!;
      expect(example.ids.slice(0, ids.length)).toEqual(ids);
      const prefixed = await setUp(["--model", bounded, "--input_file", file, "--prefix", "He."], model);
      expect(prefixed.plan.prompts[0].ids).toEqual([...ids, ...loop]);
    }
    expect(together.cut).toEqual({ gaps: 4, room: [nPositions - 52 - 1, nPositions - 21] }); // 52: 1.25 times 41
  });
  it.each(["length=XL", "length=50"])("refuses %s where the template does not say what the classes are", (meta) =>
    expect(prepare(...GAP, "--meta", meta)).rejects.toThrow(/^The gap: .*"length" is "(XL|50)", wanted S, M or L/),
  );
  it("without any input is the sample, with the flags' metadata added", async () => {
    const { input } = await setUp(["--meta", "theme=hope"], model);
    expect(input).toMatchObject({
      kind: "gap",
      sample: true,
      gap: { p1: expect.stringContaining(" "), meta: { theme: "hope", length: expect.any(String) } },
    });
  });
  it("interactively offers three samples, unless the flags say otherwise", async () => {
    expect((await prepare("--interactive")).plan.config).toMatchObject({ doSample: true, numReturnSequences: 3 });
    expect((await prepare("--interactive", "--beam", "2", ...GAP)).plan.config).toMatchObject({
      doSample: false,
      numBeams: 2,
      numReturnSequences: 1,
    });
  });
  it("knows how far the model was trained", async () => {
    expect((await prepare(...GAP)).model.history).toBe(", trained for 12 steps, loss 2.2500, evaluation loss 2.5000");
  });
  it("ranks by the model's own log-probabilities", () => {
    for (const [i, logProb] of logProbs[0].entries()) expect(Math.abs(logProb - logProbs[1][i])).toBeLessThan(1e-4);
  });
});

describe("bad input", () => {
  const files: Record<string, string | Uint8Array> = {
    "gap.txt": "One.\n\n[[length=M]]\n\nTwo.",
    "sentence.txt": "One.\n\n[[A boat.]]\n\nTwo.",
    "empty.txt": " \n",
    "latin.txt": Uint8Array.of(0xe9, 0x20),
    "prompt.txt": "Hello\n",
    "ok.jsonl": '{"p1":"a","p3":"b"}\n',
    "bad.jsonl": '{"p1":"a","p3":"b"}\n{"p1":',
    "type.jsonl": '{"p1":3,"p3":"b"}',
    "meta.jsonl": '{"p1":"a","p3":"b","meta":{"mood":"x"}}',
    "novel.jsonl": "Call me Ishmael.",
  };
  beforeAll(() => Promise.all(Object.entries(files).map(([name, text]) => writeFile(at(name), text))));

  it.each<[string[], string]>([
    [["--p1", "a", "--document", "gap.txt"], "--p1 and --document are two different inputs; give one."],
    [["--prompt", "a", "--input_file", "prompt.txt"], "--prompt and --input_file are two different inputs"],
    [["--p1", "a", "--p1_file", "prompt.txt"], "--p1 and --p1_file give the same paragraph"],
    [["--p1", " "], "The paragraphs before and after the gap are both empty"],
    [["--prompt", "a", "--meta", "length=M"], "--meta is for filling a gap, and --prompt is plain text"],
    [["--prompt", "a", "--prefix", "b"], "write the words at the end of the prompt"],
    [["--input_file", "prompt.txt", "--prefix", "b"], "--prefix is for filling a gap, and"],
    [["--input_file", "ok.jsonl", "--meta", "length=M"], "--meta is for one gap"],
    [
      ["--document", "sentence.txt", "--meta", "length=M"],
      'The gap holds the sentence "A boat.", which --meta cannot be added to',
    ],
    [["--document", "prompt.txt"], "no gap found; write [[...]] where"],
    [[...GAP, "--meta", "mood=glad"], 'metadata field "mood" is unknown, wanted one of length, genre'],
    [["--input_file", "meta.jsonl"], 'meta.jsonl, line 1: metadata field "mood" is unknown'],
    [["--p1", "a [P2] b"], 'field "p1" contains [P2]'],
    [["--interactive", "--prompt", "a"], "--interactive asks for its paragraphs"],
    [["--interactive", "--json"], "--interactive talks to you"],
    [[...GAP, "--batch_size", "2"], "--batch_size is for the gaps of a .jsonl"],
    [[...GAP, "--output_file", "x.txt"], "--output_file goes with a .jsonl --input_file or with --document"],
    [["--document", "gap.txt", "--output_file", "gap.txt"], "the input itself; choose another"],
    [["--document", "gap.txt", "--output_file", "prompt.txt"], "exists already, and a document is not written over"],
    [
      ["--input_file", "ok.jsonl", "--output_scores", "--json"],
      "--output_scores is returned in the object that --json prints, for one gap or prompt",
    ],
    [["--p1_file", "empty.txt"], "empty.txt is empty; wanted some text"],
    [["--prompt", ""], "--prompt is empty"],
    [["--p1_file", "latin.txt"], "latin.txt: not valid UTF-8"],
    [["--p1_file", "none.txt"], "none.txt: there is no such file; check the path."],
    [["--input_file", "bad.jsonl"], "bad.jsonl, line 2: not valid JSON"],
    [["--input_file", "type.jsonl"], 'type.jsonl, line 1: field "p1" is the number 3, wanted a string'],
    [["--input_file", "novel.jsonl"], "novel.jsonl, line 1: not valid JSON"],
    [
      [...GAP, "--max_new_tokens", "300"],
      "Of the 256 positions of the context 3 are needed for markers, and 300 for new tokens; ask for at most 253.",
    ],
    [[...GAP, "--max_length", "3"], "and 1 for new tokens; ask for at most 0, or for a greater --max_length."],
    [[...GAP, "--prefix", "Then she. ".repeat(90)], "tokens for its markers and prefix, and 192 are left"],
    [
      ["--prompt", "Mia. ".repeat(200)],
      "The prompt has 601 tokens and at least 1 is to follow, and the context has 256 positions; shorten the " +
        "prompt to at most 255.",
    ],
    [
      ["--prompt", "Mia. ".repeat(100), "--max_new_tokens", "100"],
      "The prompt has 301 tokens and 100 are to follow, and the context has 256 positions; shorten the prompt to " +
        "at most 156.",
    ],
    [["--tokenizer_name", "none"], "none"],
    [["Mia ran."], 'Unexpected argument "Mia ran."'],
  ])("%j", async (argv, message) => {
    const error: unknown = await prepare(
      ...argv.map((word) => (word in files || /^none/.test(word) ? at(word) : word)),
    ).catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(UserError);
    expect((error as UserError).message).toContain(message);
    expect((error as UserError).message).not.toContain("\n");
  });
  it("a model without a template fills no gap, but goes on from a prompt", async () => {
    for (const argv of [[], GAP, ["--interactive"]])
      await expect(setUp(["--model", plainModel, ...argv], model)).rejects.toThrow(
        `${plainModel} has no infill_template.json: this model was not trained to fill gaps; fine-tune it`,
      );
    expect((await setUp(["--model", plainModel, "--prompt", "Hi"], model)).plan.prompts[0].ids).toEqual(
      tokenizer.encode("Hi"),
    );
  });
});

describe("a whole run", () => {
  interface Ended {
    readonly code: number | null;
    readonly out: string;
    readonly err: string;
  }
  function generate(
    argv: readonly string[],
    { input = "", onOut }: { readonly input?: string; readonly onOut?: (child: ReturnType<typeof spawn>) => void } = {},
  ): Promise<Ended> {
    const child = spawn(
      process.execPath,
      ["--import", "tsx", join(root, "src/generate.ts"), "--model", model, ...argv],
      { cwd: root },
    );
    child.stdin.end(input);
    return new Promise((resolve) => {
      let out = "",
        err = "";
      child.stdout.on("data", (data) => {
        out += data;
        onOut?.(child);
      });
      child.stderr.on("data", (data) => (err += data));
      child.on("close", (code) => resolve({ code, out, err }));
    });
  }
  /** --sequence_bias that makes " He. He. He." and so on. */
  const he = (): string[] => [
    "--sequence_bias",
    JSON.stringify([[[loop[0]], 500], ...loop.map((id, i) => [[id, loop[(i + 1) % loop.length]], 1000])]),
  ];

  it("fills the sample with beams, between p1 and p3, cut back to a sentence end", async () => {
    const { code, out, err } = await generate([
      "--beam",
      "2",
      "--max_new_tokens",
      String(3 * loop.length - 1),
      ...he(),
    ]);
    expect(code, err).toBe(0);
    expect(out).toMatch(/^\nP1 {3}\S[^]*\n\n {5}\(length: .*\)\n\nP2 ┃ He\. He\.\n\nP3 {3}\S[^]*\n$/);
    expect(err).toMatch(/^Adapter  \S.*$/m);
    expect(err).toMatch(
      /^Model {4}\S+: 0\.\d\dM parameters, 1 layers of 16, 256 positions, trained for 12 steps, loss 2\.2500/m,
    );
    expect(err).toContain(
      `the limit of ${3 * loop.length - 1} new tokens in the middle of a sentence: cut back to the last sentence end`,
    );
  });

  it("fills the lines of a file that have no answer yet", async () => {
    const lines = [
      { p1: "Mia ran.", p3: "", id: 1 },
      { p1: "Tom sat there and looked.", p3: "He slept.", id: 2 },
      { p1: "A", p3: "B", id: 3 },
    ];
    await writeFile(at("in.jsonl"), lines.map((line) => `${JSON.stringify(line)}\n`).join(""));
    const first = answerLine(lines[0], []);
    await writeFile(at("out.jsonl"), first + answerLine(lines[1], []).slice(0, 30));
    const { code, out, err } = await generate([
      "--input_file",
      at("in.jsonl"),
      "--output_file",
      at("out.jsonl"),
      "--max_new_tokens",
      String(loop.length),
      ...he(),
    ]);
    expect([code, out], err).toEqual([0, ""]);
    expect(err).toContain("1 of 3 lines are answered already");
    const written = (await readFile(at("out.jsonl"), "utf8")).trimEnd().split("\n");
    expect(written[0]).toBe(first.trimEnd());
    expect(written.slice(1).map((line) => JSON.parse(line) as unknown)).toMatchObject(
      lines
        .slice(1)
        .map((line) => ({ ...line, candidates: [{ p2: "He.", tokens: loop.length, finish_reason: "length" }] })),
    );
  });

  it("fills the gap of a document, in a new file", async () => {
    await writeFile(at("story.txt"), "One.\r\n\r\nMia ran.\r\n[[length=S]]\r\n\r\nShe slept.\r\n");
    const { code, out, err } = await generate([
      "--document",
      at("story.txt"),
      "--output_file",
      at("filled.txt"),
      "--prefix",
      "So.",
      "--max_new_tokens",
      String(2 * loop.length),
      ...he(),
    ]);
    expect(code, err).toBe(0);
    expect(out).toBe("\nP1   Mia ran.\n\n     (length: S)\n\nP2 ┃ So. He. He.\n\nP3   She slept.\n");
    expect(await readFile(at("filled.txt"), "utf8")).toBe("One.\r\n\r\nMia ran.\r\nSo. He. He.\r\n\r\nShe slept.\r\n");
  });

  it("prints one JSON object, best candidate first, with what was asked for besides", async () => {
    const { code, out, err } = await generate([
      ...GAP,
      "--json",
      "--do_sample",
      "--seed",
      "3",
      "--num_return_sequences",
      "2",
      "--min_new_tokens",
      "3",
      "--max_new_tokens",
      "3",
      "--output_scores",
      "--output_attentions",
      "--output_hidden_states",
    ]);
    expect(code, err).toBe(0);
    expect(out.trimEnd()).not.toContain("\n");
    const {
      candidates,
      scores,
      attentions,
      hidden_states: hiddenStates,
      ...rest
    } = JSON.parse(out) as {
      candidates: { log_prob_per_token: number }[];
      scores: number[][][];
      attentions: number[][][];
      hidden_states: number[][][][];
    };
    expect(rest).toEqual({ model, p1: "Mia ran.", p3: "She slept.", max_new_tokens: 3, seed: 3 });
    expect(candidates).toEqual(
      [1, 2].map(() => ({
        p2: expect.any(String),
        tokens: 3,
        log_prob_per_token: expect.any(Number),
        finish_reason: "length",
        trimmed: false,
      })),
    );
    expect(candidates[0].log_prob_per_token).toBeGreaterThan(candidates[1].log_prob_per_token);
    expect([scores.length, scores[0].length, scores[0][0].length]).toEqual([3, 2, tokenizer.vocabSize]);
    expect(scores[0][0].filter((score) => score !== null)).toHaveLength(7); // the folder's top_k
    const prompt = (await prepare(...GAP, "--max_new_tokens", "3")).plan.prompts[0].ids.length;
    expect(attentions.map((step) => step.map((layer) => layer.length))).toEqual([
      [2 * 2 * prompt * prompt],
      [2 * 2 * (prompt + 1)],
      [2 * 2 * (prompt + 2)],
    ]); // sequences, heads, queries, keys
    expect(hiddenStates.map((step) => [step.length, step[0].length, step[0][0].length])).toEqual([
      [2, 2 * prompt, 16],
      [2, 2, 16],
      [2, 2, 16],
    ]);
  });

  it("talks over a pipe, and writes only what was accepted to stdout", async () => {
    const input = ["Mia ran", "home.", "", "She slept.", "", "mood=x", "length=S", "9", "p", "Then", "2", "q"].join(
      "\n",
    );
    const { code, out, err } = await generate(
      ["--interactive", "--do_sample", "--num_return_sequences", "2", "--max_new_tokens", String(loop.length), ...he()],
      { input },
    );
    expect([code, out], err).toEqual([0, "Then He.\n"]);
    for (const part of [
      "P1   Mia ran home.",
      '"mood" is unknown',
      "(length: S)",
      '"9" is not one of them; there are 2 candidates',
      "2 of 2",
    ])
      expect(err).toContain(part);
  });

  it("shows a prompt's text as it comes; Ctrl-C keeps it and ends with 130", async () => {
    let stopped = false;
    const { code, out, err } = await generate(["--prompt", "Mia", "--no_trim", ...he()], {
      onOut: (child) => {
        if (!stopped) stopped = child.kill("SIGINT");
      },
    });
    expect(code, err).toBe(130);
    expect(out).toMatch(/^Mia( He\.)*( H?e?)?\n$/);
    expect(out.length).toBeLessThan("Mia".length + 4 * 80);
  });
});
