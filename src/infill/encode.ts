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
import type { Context, TokenCounts } from "./fit.ts";
import { NoTemplateSyntaxLogitsProcessor } from "./no-template-syntax.ts";
import type { PieceTokenizer } from "./no-template-syntax.ts";
import { roomForP2 } from "./room.ts";
import { forbiddenSpecialIds, metadataFields, metadataSections, metadataText } from "./template.ts";
import { markerIds, parseTemplate, specialIds, specialTokenList, TEMPLATE_FILE } from "./template.ts";
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

interface Piece {
  readonly ids: readonly number[];
  /** A TOKEN_TYPE. */
  readonly type: number;
  /** Id of the section's marker. */
  readonly section: number;
}

/** Markers that every prompt has: of p1, p3 and p2. */
const MARKERS = 3;

/** A template bound to a tokenizer. Construction verifies the special tokens (see specialIds), throwing UserError. */
export class InfillEncoder {
  readonly template: InfillTemplate;
  readonly ids: SpecialIds;
  /** Of metadata, by the marker. */
  readonly markers: ReadonlyMap<string, number>;
  private readonly tokenizer: TemplateTokenizer & PieceTokenizer;
  private readonly counts: TokenCounts;
  private guard: NoTemplateSyntaxLogitsProcessor | undefined;

  constructor(template: InfillTemplate, tokenizer: TemplateTokenizer & PieceTokenizer) {
    this.template = template;
    this.tokenizer = tokenizer;
    this.ids = specialIds(template, tokenizer);
    this.markers = markerIds(template, tokenizer);
    this.counts = {
      text: (text) => this.encodeText(text).length,
      plain: (text) => this.plain(text).length,
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
    const p2 = this.encodeText(this.checked(example.p2, "p2", example));
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
    const p2 = this.encodeText(this.checked(example.p2, "p2", example));
    const whole = { p1: this.checked(example.p1, "p1", example), p3: this.checked(example.p3, "p3", example) };
    const room = options.blockSize - MARKERS - 1 - p2.length;
    if (room < 0) return undefined;
    const context = fitContext({ ...whole, metadata: [] }, room, this.template.p1Share, this.counts);
    const p3 = this.encodeText(context.p3);
    const marker = (part: "p1" | "p2" | "p3"): Piece => ({
      ids: [ids[part]],
      type: TOKEN_TYPE.special,
      section: ids[part],
    });
    const before = [
      marker("p1"),
      { ids: this.encodeText(context.p1), type: TOKEN_TYPE.context, section: ids.p1 },
      marker("p2"),
      { ids: p2, type: TOKEN_TYPE.context, section: ids.p2 },
      marker("p3"),
    ];
    const end = context.p3 === whole.p3 ? [{ ids: [ids.eos], type: TOKEN_TYPE.end, section: ids.p3 }] : [];
    const start = before.reduce((sum, piece) => sum + piece.ids.length, 0);
    return {
      ...this.joined([...before, { ids: p3, type: TOKEN_TYPE.target, section: ids.p3 }, ...end]),
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
    const forced = this.encodeText(this.checked(prefix, "prefix", request));
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
    return this.encodeText(normalizeText(text));
  }

  /** The example as one string, untrimmed: what the ids stand for, for previews. */
  render(example: InfillExample): string {
    const { specialTokens: tokens, order } = this.template;
    const { p1, p3, metadata } = this.context(example);
    const text = {
      p1: tokens.p1 + spaced(p1),
      p3: tokens.p3 + spaced(p3),
      metadata: metadataSections(this.template, metadata)
        .map(({ marker = "", text }) => marker + text)
        .join(""),
      p2: tokens.p2 + spaced(normalizeText(example.p2)),
    };
    return order.map((part) => text[part]).join("") + tokens.eos;
  }

  /** `kept`: tokens that the context leaves free even where `tail` needs fewer. */
  private assemble(
    request: InfillRequest,
    tail: readonly Piece[],
    maxLength: number,
    kept = 0,
    share = 1,
  ): FittedExample | undefined {
    const whole = this.context(request);
    const needed = tail.reduce((sum, piece) => sum + piece.ids.length, 0);
    if (MARKERS + needed > maxLength) return undefined;
    const room = maxLength - MARKERS - Math.max(needed, kept);
    const context = fitContext(whole, room, this.template.p1Share, this.counts, share);
    return { ...this.joined([...this.layout(context), ...tail]), trimmed: context !== whole };
  }

  private joined(pieces: readonly Piece[]): EncodedExample {
    const each = (of: (piece: Piece) => number): number[] => pieces.flatMap((piece) => piece.ids.map(() => of(piece)));
    return {
      ids: pieces.flatMap(({ ids }) => ids),
      types: Uint8Array.from(each(({ type }) => type)),
      ...(this.template.sectionTypes && { tokenTypeIds: each(({ section }) => section) }),
    };
  }

  /**
   * Markers and context up to [P2]. Metadata without a marker is encoded together with the text before it, as it would
   * be in the whole string.
   */
  private layout(context: Context): Piece[] {
    const sections: { marker: number | undefined; text: string }[] = [];
    for (const part of this.template.order) {
      if (part !== "metadata") {
        sections.push({ marker: this.ids[part], text: part === "p2" ? "" : spaced(context[part]) });
        continue;
      }
      for (const { marker, text } of metadataSections(this.template, context.metadata)) {
        const last = sections.at(-1);
        if (marker === undefined && last) last.text += text;
        else sections.push({ marker: marker === undefined ? undefined : this.markers.get(marker)!, text });
      }
    }
    return sections.flatMap(({ marker, text }, i) => {
      const section = marker ?? sections[i + 1]!.marker!; // text at the very start has a section after it
      return [
        { ids: marker === undefined ? [] : [marker], type: TOKEN_TYPE.special, section },
        { ids: this.plain(text), type: TOKEN_TYPE.context, section },
      ];
    });
  }

  private context(request: InfillRequest): Context {
    const metadata = metadataFields(this.template, request.meta, request.where ?? "The example");
    this.checked(metadataText(metadata), "meta", request);
    return { p1: this.checked(request.p1, "p1", request), p3: this.checked(request.p3, "p3", request), metadata };
  }

  /**
   * The text in its one spelling. A special token inside it would become a real marker, so it is refused, not escaped.
   */
  private checked(text: string, field: string, { where }: InfillRequest): string {
    const token = specialTokenList(this.template).find((special) => text.includes(special));
    if (token)
      throw new UserError(
        `${where ?? "The example"}: field "${field}" contains ${token}, which marks the layout and cannot ` +
          "stand in a text; remove it.",
      );
    return normalizeText(text);
  }

  private encodeText(text: string): number[] {
    return this.plain(spaced(text));
  }

  private plain(text: string): number[] {
    return text === "" ? [] : this.tokenizer.encode(text, { allowSpecial: false });
  }
}

function spaced(text: string): string {
  return text === "" ? "" : ` ${text}`;
}
