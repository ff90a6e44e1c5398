// Infiller: a model that fills gaps, from a folder or an address to finished paragraphs. What src/generate.ts does for
// a gap, without a terminal: it runs in a page too.
import { UserError } from "../errors.ts";
import { expectFields } from "../fields.ts";
import type { FieldsOf } from "../fields.ts";
import { abortable } from "../files/abortable.ts";
import { openModelFolder } from "../files/open.ts";
import type { HubSourceOptions } from "../files/open.ts";
import type { Folder } from "../files/folder.ts";
import { GPT2Decoder } from "../generation/device/gpt2-decoder.ts";
import { GPT2LMHeadModel } from "../gpt2/model.ts";
import { checkDtype } from "../gpt2/pretrained.ts";
import type { PretrainedOptions } from "../gpt2/pretrained.ts";
import { requestDevice } from "../gpu/device.ts";
import type { Device } from "../gpu/device.ts";
import type { InfillEncoder } from "../infill/encode.ts";
import type { InfillTemplate } from "../infill/template.ts";
import { Reranker } from "../rerank/reranker.ts";
import type { Ranked } from "../rerank/reranker.ts";
import type { PreTrainedTokenizer } from "../tokenizer/pretrained-tokenizer.ts";
import { write } from "./candidates.ts";
import type { Candidate } from "./candidates.ts";
import { FILL_FIELDS, MOST_CANDIDATES, planOf } from "./fill-request.ts";
import type { FillRequest, GapRequest, Signalled } from "./fill-request.ts";
import { needEncoder, needTemplate, readModelFolder } from "./model-folder.ts";
import type { ModelFolder } from "./model-folder.ts";
import { nextWords } from "./next-words.ts";
import type { NextWord } from "./next-words.ts";

export type { FillRequest, GapRequest } from "./fill-request.ts";

export interface InfillerOptions extends HubSourceOptions {
  /** What computes; stays the caller's. Default: the best adapter's, opened here and destroyed with the infiller. */
  readonly device?: Device;
  /** Ends the loading before the next read; load() then rejects with its reason and holds nothing. */
  readonly signal?: AbortSignal;
  /** Told a sentence for each thing in the folder that is left unused. */
  readonly onNote?: (note: string) => void;
  /** "f16" keeps weights, keys and values in half the memory; see GPT2LMHeadModel.fromPretrained. Default "f32". */
  readonly dtype?: PretrainedOptions["dtype"];
}

const LOAD_FIELDS: FieldsOf<InfillerOptions> = {
  device: true,
  signal: true,
  onNote: true,
  dtype: true,
  revision: true,
  cacheDir: true,
};

export interface Filled {
  /** The first candidate's text: the paragraph between, without space at either end. */
  readonly text: string;
  /**
   * Best first: by the reranker where it was asked for, else beams in the order of the search and samples by their
   * log-probability. At least one.
   */
  readonly candidates: readonly Candidate[];
  /** Of each candidate: the number of its text among those that onTexts was told. */
  readonly sequences: readonly number[];
  /** The paragraphs around the gap were longer than the context has room for, and their far ends were left out. */
  readonly contextCut: boolean;
}

/**
 * A model that writes the paragraph between two others, until dispose().
 *
 * @example
 * const infiller = await Infiller.load("models/tiny");
 * const gap = { p1: "Kim sat by the brook.", p3: "Then it rained." };
 * const { text } = await infiller.fill({ ...gap, onText: (soFar) => show(soFar) }); // as it grows
 * const { candidates } = await infiller.fill({ ...gap, candidates: 3 }); // best first
 * infiller.dispose();
 */
export class Infiller {
  readonly model: GPT2LMHeadModel;
  private readonly folder: ModelFolder;
  private readonly decoder: GPT2Decoder;
  private readonly ownDevice: Device | undefined;
  private reranker: Reranker | undefined;
  /** The fill() before, which has the decoder until it ends. */
  private busy: Promise<unknown> = Promise.resolve();
  private disposed = false;

  private constructor(folder: ModelFolder, model: GPT2LMHeadModel, ownDevice: Device | undefined) {
    this.folder = folder;
    this.model = model;
    this.decoder = new GPT2Decoder(model);
    this.ownDevice = ownDevice;
  }

  /**
   * A model that was trained to fill gaps: its folder on disk or its name on the Hub (Node, Deno, Bun), its address
   * (everywhere; relative to the page in a browser), or a Folder such as MemoryFolder. Takes the model's weights in GPU
   * memory, until dispose(). Throws UserError, having taken nothing, when the folder holds no such model, is damaged,
   * or there is no WebGPU.
   */
  static async load(source: string | URL | Folder, options: InfillerOptions = {}): Promise<Infiller> {
    expectFields("Infiller.load()", options, LOAD_FIELDS);
    const { device, signal, onNote, dtype, revision, cacheDir } = options;
    checkDtype(dtype);
    const from = await openModelFolder(source instanceof URL ? source.href : source, {
      part: "model",
      beforeWeights: needTemplate,
      signal,
      onNote,
      revision,
      cacheDir,
    });
    const reading = abortable(from, signal);
    const folder = { ...(await readModelFolder(reading, { onNote, cacheDir })), folder: from };
    needEncoder(folder);
    const opened = device ?? (await requestDevice());
    try {
      const model = await GPT2LMHeadModel.fromPretrained(opened, reading, { cacheDir, dtype });
      const infiller = new Infiller(folder, model, device ? undefined : opened);
      if (!signal?.aborted) return infiller;
      infiller.dispose();
      throw signal.reason;
    } catch (error) {
      if (!device) opened.destroy();
      throw error;
    }
  }

  /**
   * Of a model that is loaded, from its folder; dispose() destroys it.
   * @internal
   */
  static of(folder: ModelFolder, model: GPT2LMHeadModel): Infiller {
    needEncoder(folder);
    return new Infiller(folder, model, undefined);
  }

  get tokenizer(): PreTrainedTokenizer {
    return this.folder.tokenizer;
  }

  get encoder(): InfillEncoder {
    return needEncoder(this.folder);
  }

  /** What metadata fields there are, among others. */
  get template(): InfillTemplate {
    return this.encoder.template;
  }

  /**
   * Writes the paragraph between p1 and p3. Calls made while another is under way wait for it. Throws UserError for a
   * request that contradicts itself or the model, and where no text was found that is as asked for.
   */
  async fill(request: FillRequest): Promise<Filled> {
    expectFields("fill()", request, FILL_FIELDS);
    request.signal?.throwIfAborted();
    return this.inTurn(() => this.fillNow(request));
  }

  /**
   * Judges texts for a gap, which may be anybody's: best first, by how well each leads from p1 to p3 (see Reranker).
   * Throws UserError for a text that the context has no room for.
   */
  async rank(gap: GapRequest, texts: readonly string[], { signal }: Signalled = {}): Promise<Ranked[]> {
    return this.inTurn(async () => {
      this.needLoaded();
      planOf(this.folder, gap); // what is wrong with the gap is told in the same words
      return (await this.ownReranker()).rank(gap, texts, { signal });
    });
  }

  /**
   * The words that the model would go on with behind `before`, the beginning of p2 up to the end of a word (or ""): the
   * most probable first, at most `count` (default 8). Throws UserError as fill().
   */
  async nextWords(
    gap: GapRequest,
    before: string,
    { count = 8, signal }: Signalled & { readonly count?: number } = {},
  ): Promise<NextWord[]> {
    return this.inTurn(async () => {
      this.needLoaded();
      if (!(Number.isInteger(count) && count >= 1 && count <= MOST_CANDIDATES))
        throw new UserError(`count is ${count}, wanted a whole number from 1 to ${MOST_CANDIDATES}.`);
      const plan = planOf(this.folder, { ...gap, beginsWith: before });
      const words = await nextWords({ decoder: this.decoder, tokenizer: this.tokenizer, plan, count, signal });
      await this.model.device.finish();
      signal?.throwIfAborted();
      return words;
    });
  }

  /** After the call before, however that ends. */
  private inTurn<R>(act: () => Promise<R>): Promise<R> {
    const turn = this.busy.then(act, act);
    this.busy = turn;
    return turn;
  }

  private needLoaded(): void {
    if (this.disposed) throw new UserError("This Infiller is disposed of: load another with Infiller.load().");
  }

  /** Frees the weights, and the device if load() opened it. A fill() under way ends with an error. */
  dispose(): void {
    if (this.disposed) return;
    this.disposed = true;
    this.decoder.dispose();
    this.model.destroy();
    this.ownDevice?.destroy();
  }

  [Symbol.dispose](): void {
    this.dispose();
  }

  private async fillNow(request: FillRequest): Promise<Filled> {
    const { signal, onText, onTexts, trim = true } = request;
    signal?.throwIfAborted();
    this.needLoaded();
    const plan = planOf(this.folder, request);
    const reranker = request.rerank ? await this.ownReranker() : undefined;
    const { numReturnSequences, numBeams } = plan.config;
    const grow = numBeams === 1 && !plan.prompts[0].constraints;
    const grows = grow && numReturnSequences === 1;
    const writer = { decoder: this.decoder, tokenizer: this.tokenizer, plan, trim, reranker };
    const written = await write(writer, {
      signal,
      onText: grows ? onText : undefined,
      onTexts: grow ? onTexts : undefined,
    });
    await this.model.device.finish(); // a step that was begun ahead may still need the cache
    signal?.throwIfAborted();
    const [candidates] = written.candidates;
    onText?.(candidates[0].text);
    return { text: candidates[0].text, candidates, sequences: written.rows[0], contextCut: plan.cut.gaps > 0 };
  }

  private async ownReranker(): Promise<Reranker> {
    return (this.reranker ??= await Reranker.fromPretrained(this.model, this.encoder, this.folder.folder));
  }
}
