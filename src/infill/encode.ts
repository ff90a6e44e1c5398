// Turns infilling examples into token ids by the template, with the type of every position, so that the loss and the
// evaluation can tell context from target; and prompts for generation, which end where p2 begins.
import { UserError } from "../errors.ts";
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
import { forbiddenSpecialIds, metadataFields, metadataText, parseTemplate } from "./template.ts";
import { specialIds, specialTokenList, TEMPLATE_FILE } from "./template.ts";
import type { InfillTemplate, SpecialIds, TemplateTokenizer } from "./template.ts";

export interface FittedExample extends EncodedExample {
  /** Whether context was cut to fit. */
  readonly trimmed: boolean;
}

export interface EncodedSet {
  readonly examples: FittedExample[];
  readonly trimmed: number;
  /** Examples left out because p2 with the markers is longer than the block. */
  readonly dropped: number;
}

export interface GenerationInputs {
  readonly inputIds: (readonly number[])[];
  readonly eosTokenId: number;
  readonly padTokenId: number;
  readonly suppressTokens: number[];
  readonly logitsProcessors: NoTemplateSyntaxLogitsProcessor[];
}

type Piece = { readonly ids: readonly number[]; readonly type: number };

/** A template bound to a tokenizer. Construction verifies the special tokens (see specialIds), throwing UserError. */
export class InfillEncoder {
  readonly template: InfillTemplate;
  readonly ids: SpecialIds;
  private readonly tokenizer: TemplateTokenizer & PieceTokenizer;
  private readonly counts: TokenCounts;
  private guard: NoTemplateSyntaxLogitsProcessor | undefined;

  constructor(template: InfillTemplate, tokenizer: TemplateTokenizer & PieceTokenizer) {
    this.template = template;
    this.tokenizer = tokenizer;
    this.ids = specialIds(template, tokenizer);
    this.counts = {
      text: (text) => this.encodeText(text).length,
      metadata: (text) => this.plain(onNewLine(text)).length,
    };
  }

  /** With the template of a model's folder. Throws UserError when it has none, or a damaged one. */
  static async fromPretrained(folder: Folder, tokenizer: TemplateTokenizer & PieceTokenizer): Promise<InfillEncoder> {
    const template = parseTemplate(await readJson(folder, TEMPLATE_FILE), `${folder.name}/${TEMPLATE_FILE}`);
    return new InfillEncoder(template, tokenizer);
  }

  /**
   * Ids and types of the whole example in at most `blockSize` tokens, context cut if it must be (see fitContext);
   * undefined when p2, the markers and the end alone are longer: p2 is never cut. Throws UserError where a text holds a
   * special token.
   */
  encodeExample(example: InfillExample, { blockSize }: { readonly blockSize: number }): FittedExample | undefined {
    const p2 = this.encodeText(this.checked(example.p2, "p2", example));
    const tail = [
      { ids: p2, type: TOKEN_TYPE.target },
      { ids: [this.ids.eos], type: TOKEN_TYPE.end },
    ];
    return this.assemble(example, tail, blockSize);
  }

  /** Every example that fits, and how many were cut or left out. */
  encodeAll(examples: readonly InfillExample[], options: { readonly blockSize: number }): EncodedSet {
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
  encodePrompt(
    request: InfillRequest,
    { maxLength, prefix = "" }: { readonly maxLength: number; readonly prefix?: string },
  ): FittedExample {
    const forced = this.encodeText(this.checked(prefix, "prefix", request));
    const prompt = this.assemble(request, [{ ids: forced, type: TOKEN_TYPE.target }], maxLength);
    if (prompt) return prompt;
    throw new UserError(
      `The prompt needs ${3 + forced.length} tokens for its markers and prefix, and ${maxLength} are left ` +
        "for it in the context; shorten the prefix or ask for fewer new tokens.",
    );
  }

  /**
   * All that generate() needs to fill gaps, to be spread into its request: prompts (see encodePrompt), p2's end, the
   * padding, and that neither special tokens nor the template's own syntax are written into p2.
   */
  generationInputs(
    requests: readonly InfillRequest[],
    options: { readonly maxLength: number; readonly prefix?: string },
  ): GenerationInputs {
    const { eos, pad } = this.ids;
    return {
      inputIds: requests.map((request) => this.encodePrompt(request, options).ids),
      eosTokenId: eos,
      padTokenId: pad,
      suppressTokens: forbiddenSpecialIds(this.ids),
      logitsProcessors: [this.noTemplateSyntax],
    };
  }

  /** Forbids field names and markers in p2; made when first asked for. */
  get noTemplateSyntax(): NoTemplateSyntaxLogitsProcessor {
    return (this.guard ??= new NoTemplateSyntaxLogitsProcessor(this.template, this.ids, this.tokenizer));
  }

  /** The example as one string, untrimmed: what the ids stand for, for previews. */
  render(example: InfillExample): string {
    const { specialTokens: tokens, order } = this.template;
    const { p1, p3, metadata } = this.context(example);
    const text = {
      p1: tokens.p1 + spaced(p1),
      p3: tokens.p3 + spaced(p3),
      metadata: onNewLine(metadataText(metadata)),
      p2: tokens.p2 + spaced(normalizeText(example.p2)),
    };
    return order.map((part) => text[part]).join("") + tokens.eos;
  }

  private assemble(request: InfillRequest, tail: readonly Piece[], maxLength: number): FittedExample | undefined {
    const whole = this.context(request);
    const room = maxLength - 3 - tail.reduce((sum, piece) => sum + piece.ids.length, 0);
    if (room < 0) return undefined;
    const context = fitContext(whole, room, this.template.p1Share, this.counts);
    const pieces = [...this.layout(context), ...tail];
    return {
      ids: pieces.flatMap((piece) => piece.ids),
      types: Uint8Array.from(pieces.flatMap((piece) => piece.ids.map(() => piece.type))),
      trimmed: context !== whole,
    };
  }

  /**
   * Markers and context up to [P2]. Metadata is encoded together with the text before it, as it would be in the whole
   * string.
   */
  private layout(context: Context): Piece[] {
    const pieces: Piece[] = [];
    let text = "";
    for (const part of this.template.order) {
      if (part === "metadata") {
        text += onNewLine(metadataText(context.metadata));
        continue;
      }
      pieces.push(
        { ids: this.plain(text), type: TOKEN_TYPE.context },
        { ids: [this.ids[part]], type: TOKEN_TYPE.special },
      );
      text = part === "p2" ? "" : spaced(context[part]);
    }
    return pieces;
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

function onNewLine(text: string): string {
  return text === "" ? "" : `\n${text}`;
}
