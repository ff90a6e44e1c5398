// Turns infilling examples into token ids by the template, with the type of every position, so that the loss and the
// evaluation can tell context from target; and prompts for generation, which end where p2 begins.
import { UserError } from "../errors.ts";
import { expectFields } from "../fields.ts";
import type { FieldsOf } from "../fields.ts";
import type { Folder } from "../files/folder.ts";
import { readJson } from "../files/json.ts";
import { normalizeText } from "../text/normalize.ts";
import { TOKEN_TYPE } from "../examples/encoded-example.ts";
import type { EncodedExample } from "../examples/encoded-example.ts";
import type { InfillExample, InfillRequest } from "./example.ts";
import { fitContext } from "./fit.ts";
import type { TokenCounts } from "./fit.ts";
import { GapLayout } from "./gap-layout.ts";
import type { Piece } from "./gap-layout.ts";
import { metadataSections } from "./metadata-text.ts";
import { NoTemplateSyntaxLogitsProcessor } from "./no-template-syntax.ts";
import type { PieceTokenizer } from "./constraints/token-bytes.ts";
import { roomForP2 } from "./room.ts";
import { forbiddenSpecialIds, parseTemplate, TEMPLATE_FILE } from "./template.ts";
import type { InfillTemplate, SpecialIds, TemplateTokenizer } from "./template.ts";

export interface FittedExample extends EncodedExample {
  /** Whether context was cut to fit. */
  readonly trimmed: boolean;
}

/** p1, p2 and p3 in the order in which they are read; the target is p3. */
export interface ReadingOrderExample extends FittedExample {
  /** Where p3's tokens stand: from `start` to before `end`; the end token, if p3 is whole, stands at `end`. */
  readonly p3: { readonly start: number; readonly end: number };
}

export interface EncodedSet {
  readonly examples: FittedExample[];
  readonly trimmed: number;
  /** Examples left out because p2 with the markers is longer than the block. */
  readonly dropped: number;
}

export interface BlockOptions {
  /** Most tokens of an example. */
  readonly blockSize: number;
}
const BLOCK_OPTIONS: FieldsOf<BlockOptions> = { blockSize: true };

export interface ExampleOptions extends BlockOptions {
  /** Where p1 and p3 must be cut, the share of the room for them that they get; default 1. */
  readonly contextShare?: number;
}
const EXAMPLE_OPTIONS: FieldsOf<ExampleOptions> = { ...BLOCK_OPTIONS, contextShare: true };

export interface PromptOptions {
  /** Most tokens of a prompt. */
  readonly maxLength: number;
  /** The words that p2 must begin with. */
  readonly prefix?: string;
}
const PROMPT_OPTIONS: FieldsOf<PromptOptions> = { maxLength: true, prefix: true };

export interface GenerationInputs {
  readonly inputIds: (readonly number[])[];
  /** Where the template has section types; generated tokens have that of their prompt's last token, [P2]. */
  readonly tokenTypeIds?: (readonly number[])[];
  readonly eosTokenId: number;
  readonly padTokenId: number;
  readonly suppressTokens: number[];
  readonly logitsProcessors: NoTemplateSyntaxLogitsProcessor[];
}

/** Markers that every prompt has: of p1, p3 and p2. */
const MARKERS = 3;

/** A template bound to a tokenizer. Construction verifies the special tokens (see specialIds), throwing UserError. */
export class InfillEncoder {
  readonly template: InfillTemplate;
  readonly ids: SpecialIds;
  /** Of metadata, by the marker. */
  readonly markers: ReadonlyMap<string, number>;
  private readonly layout: GapLayout;
  private readonly tokenizer: PieceTokenizer;
  private readonly counts: TokenCounts;
  private guard: NoTemplateSyntaxLogitsProcessor | undefined;

  constructor(template: InfillTemplate, tokenizer: TemplateTokenizer & PieceTokenizer) {
    this.template = template;
    this.tokenizer = tokenizer;
    this.layout = new GapLayout(template, tokenizer);
    this.ids = this.layout.ids;
    this.markers = this.layout.markers;
    this.counts = {
      text: (text) => this.layout.encodeText(text).length,
      plain: (text) => this.layout.plain(text).length,
      sections: (fields) => metadataSections(template, fields),
    };
  }

  /** With the template of a model's folder. Throws UserError when it has none, or a damaged one. */
  static async fromPretrained(folder: Folder, tokenizer: TemplateTokenizer & PieceTokenizer): Promise<InfillEncoder> {
    const template = parseTemplate(await readJson(folder, TEMPLATE_FILE), `${folder.name}/${TEMPLATE_FILE}`);
    return new InfillEncoder(template, tokenizer);
  }

  /**
   * Ids and types of the whole example in at most `blockSize` tokens, context cut if it must be (see fitContext) to
   * what it gets in a prompt, before p2 is known (see roomForP2), or less if p2 needs more; undefined when p2, the
   * markers and the end alone are longer than the block: p2 is never cut. Throws UserError where a text holds a special
   * token.
   */
  encodeExample(example: InfillExample, options: ExampleOptions): FittedExample | undefined {
    expectFields("encodeExample()", options, EXAMPLE_OPTIONS);
    const { ids, template } = this;
    const { blockSize, contextShare } = options;
    const p2 = this.layout.encodeText(this.layout.checked(example.p2, "p2", example));
    const tail = [
      { ids: p2, type: TOKEN_TYPE.target, section: ids.p2 },
      { ids: [ids.eos], type: TOKEN_TYPE.end, section: ids.p2 },
    ];
    return this.assemble(example, tail, blockSize, roomForP2(example, template, blockSize), contextShare);
  }

  /**
   * The example as it is read: [P1] p1 [P2] p2 [P3] p3 and the end, without metadata, whatever the template's order.
   * The target is p3, so that a model trained on some of these (`--order_mix`) says log P(p3 | p1, p2). Context is cut
   * as in encodeExample: p2 never, p1 at its beginning, p3 at its end, and then no end token says that it was the end.
   * undefined when p2 with the markers is longer than `blockSize`. Throws UserError where a text holds a special token.
   */
  encodeReadingOrder(example: InfillExample, options: BlockOptions): ReadingOrderExample | undefined {
    expectFields("encodeReadingOrder()", options, BLOCK_OPTIONS);
    const { ids } = this;
    const p2 = this.layout.encodeText(this.layout.checked(example.p2, "p2", example));
    const whole = {
      p1: this.layout.checked(example.p1, "p1", example),
      p3: this.layout.checked(example.p3, "p3", example),
    };
    const room = options.blockSize - MARKERS - 1 - p2.length;
    if (room < 0) return undefined;
    const context = fitContext({ ...whole, metadata: [] }, room, this.template.p1Share, this.counts);
    const p3 = this.layout.encodeText(context.p3);
    const marker = (part: "p1" | "p2" | "p3"): Piece => ({
      ids: [ids[part]],
      type: TOKEN_TYPE.special,
      section: ids[part],
    });
    const before = [
      marker("p1"),
      { ids: this.layout.encodeText(context.p1), type: TOKEN_TYPE.context, section: ids.p1 },
      marker("p2"),
      { ids: p2, type: TOKEN_TYPE.context, section: ids.p2 },
      marker("p3"),
    ];
    const end = context.p3 === whole.p3 ? [{ ids: [ids.eos], type: TOKEN_TYPE.end, section: ids.p3 }] : [];
    const start = before.reduce((sum, piece) => sum + piece.ids.length, 0);
    return {
      ...this.layout.joined([...before, { ids: p3, type: TOKEN_TYPE.target, section: ids.p3 }, ...end]),
      trimmed: context.p1 !== whole.p1 || context.p3 !== whole.p3,
      p3: { start, end: start + p3.length },
    };
  }

  /** Every example that fits, and how many were cut or left out. */
  encodeAll(examples: readonly InfillExample[], options: BlockOptions): EncodedSet {
    const encoded = examples
      .map((example) => this.encodeExample(example, options))
      .filter((example) => example !== undefined);
    return {
      examples: encoded,
      trimmed: encoded.filter((example) => example.trimmed).length,
      dropped: examples.length - encoded.length,
    };
  }

  /**
   * The prompt: everything up to and including [P2], then `prefix`, the words p2 must begin with; generation continues
   * it with a space and a word. At most `maxLength` tokens: give n_positions less the room that p2 needs. Throws
   * UserError when even the markers and the prefix are more.
   */
  encodePrompt(request: InfillRequest, options: PromptOptions): FittedExample {
    expectFields("encodePrompt()", options, PROMPT_OPTIONS);
    const { maxLength, prefix = "" } = options;
    const forced = this.layout.encodeText(this.layout.checked(prefix, "prefix", request));
    const tail = [{ ids: forced, type: TOKEN_TYPE.target, section: this.ids.p2 }];
    const prompt = this.assemble(request, tail, maxLength);
    if (prompt) return prompt;
    throw new UserError(
      `The prompt needs ${MARKERS + forced.length} tokens for its markers and prefix, and ${maxLength} are left ` +
        "for it in the context; shorten the prefix or ask for fewer new tokens.",
    );
  }

  /**
   * All that generate() needs to fill gaps, to be spread into its request: prompts (see encodePrompt), p2's end, the
   * padding, and that neither special tokens nor the template's own syntax are written into p2.
   */
  generationInputs(requests: readonly InfillRequest[], options: PromptOptions): GenerationInputs {
    const { eos, pad } = this.ids;
    const prompts = requests.map((request) => this.encodePrompt(request, options));
    return {
      inputIds: prompts.map(({ ids }) => ids),
      ...(this.template.sectionTypes && { tokenTypeIds: prompts.map(({ tokenTypeIds }) => tokenTypeIds!) }),
      eosTokenId: eos,
      padTokenId: pad,
      suppressTokens: forbiddenSpecialIds(this.ids, this.markers),
      logitsProcessors: [this.noTemplateSyntax],
    };
  }

  /** Forbids field names and markers in p2; made when first asked for. */
  get noTemplateSyntax(): NoTemplateSyntaxLogitsProcessor {
    return (this.guard ??= new NoTemplateSyntaxLogitsProcessor(this.template, this.ids, this.tokenizer));
  }

  /** Ids of a text as it stands in the layout after a marker; what looks like a marker in it is plain text. */
  textIds(text: string): number[] {
    return this.layout.encodeText(normalizeText(text));
  }

  /** The example as one string, untrimmed: what the ids stand for, for previews. */
  render(example: InfillExample): string {
    return this.layout.render(example);
  }

  /** `kept`: tokens that the context leaves free even where `tail` needs fewer. */
  private assemble(
    request: InfillRequest,
    tail: readonly Piece[],
    maxLength: number,
    kept = 0,
    share = 1,
  ): FittedExample | undefined {
    const whole = this.layout.context(request);
    const needed = tail.reduce((sum, piece) => sum + piece.ids.length, 0);
    if (MARKERS + needed > maxLength) return undefined;
    const room = maxLength - MARKERS - Math.max(needed, kept);
    const context = fitContext(whole, room, this.template.p1Share, this.counts, share);
    return { ...this.layout.joined([...this.layout.before(context), ...tail]), trimmed: context !== whole };
  }
}
