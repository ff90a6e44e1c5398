// Reads a tokenizer from the files of a Hugging Face folder: tokenizer.json, or vocab.json + merges.txt, and in both
// cases what tokenizer_config.json, special_tokens_map.json and added_tokens.json say about added tokens. What this
// engine would encode differently from Hugging Face is refused by name.
import { UserError } from "../errors.ts";
import type { Folder } from "../files/folder.ts";
import { readJsonObject, readModelText } from "../files/json.ts";
import type { JsonObject } from "../files/json.ts";
import { quote } from "../files/quote.ts";
import { plainToken } from "./added-tokens.ts";
import type { AddedToken } from "./added-tokens.ts";
import type { Merge } from "./bpe.ts";
import { checkParts, END_OF_TEXT, isTokenName, ROLE_KEYS, ROLES } from "./parts.ts";
import type { Role, TokenizerParts } from "./parts.ts";

/** The model, and the added tokens that its own file declares. */
interface ModelParts {
  readonly vocab: ReadonlyMap<string, number>;
  readonly merges: readonly Merge[];
  readonly addedTokens: readonly AddedToken[];
  readonly addPrefixSpace: boolean;
}

/** Throws UserError when files are missing, cut short, contradictory, or describe another kind of tokenizer. */
export async function readTokenizer(folder: Folder): Promise<TokenizerParts> {
  const model = await readModel(folder);
  const config = await readOptionalObject(folder, "tokenizer_config.json");
  const specialMap = await readOptionalObject(folder, "special_tokens_map.json");
  const addedJson = await readOptionalObject(folder, "added_tokens.json");
  if (config.add_bos_token === true || config.add_eos_token === true) {
    throw new UserError(
      `${folder.name}/tokenizer_config.json: add_bos_token or add_eos_token is true, and this engine adds no ` +
        "token of its own; set it to false.",
    );
  }

  const added = new Map(model.addedTokens.map((token) => [token.content, token]));
  for (const [id, value] of Object.entries(objectOr(config.added_tokens_decoder, {}))) {
    const token = toAddedToken(Number(id), value, `${folder.name}/tokenizer_config.json`);
    added.set(token.content, token);
  }
  for (const [content, id] of Object.entries(addedJson)) {
    if (!added.has(content)) added.set(content, plainToken(numberOf(id), content, false));
  }

  // Hugging Face gives tokenizer_config.json the last word, and a special token that no file numbers the next free id.
  let nextId = 0;
  for (const id of model.vocab.values()) nextId = Math.max(nextId, id + 1);
  for (const { id } of added.values()) nextId = Math.max(nextId, id + 1);
  const declare = (value: unknown): string | undefined => {
    const content = typeof value === "string" ? value : objectOr(value, {}).content;
    if (typeof content !== "string" || content === "") return undefined;
    const known = added.get(content);
    const id = known?.id ?? model.vocab.get(content) ?? nextId++;
    const declared =
      typeof value === "string" ? (known ?? plainToken(id, content, true)) : toAddedToken(id, value, folder.name);
    added.set(content, { ...declared, special: true });
    return content;
  };
  const roles: Partial<Record<Role, string>> = {};
  for (const role of ROLES) {
    const content = declare(config[ROLE_KEYS[role]] ?? specialMap[ROLE_KEYS[role]]);
    if (content !== undefined) roles[role] = content;
  }
  // The class defaults of GPT2Tokenizer, where the vocabulary has that token.
  if (model.vocab.has(END_OF_TEXT) || added.has(END_OF_TEXT)) {
    for (const role of ["bosToken", "eosToken", "unkToken"] as const) roles[role] ??= declare(END_OF_TEXT);
  }
  const named = new Map<string, string>();
  for (const [name, value] of namedTokens(config, specialMap)) {
    const content = named.has(name) ? undefined : declare(value);
    if (content !== undefined) named.set(name, content);
  }
  const additional = [config, specialMap]
    .flatMap((from) => [from.additional_special_tokens, from.extra_special_tokens])
    .flatMap((list) => Object.values(objectOr(list, {})))
    .map(declare)
    .filter((content) => content !== undefined && ![...named.values()].includes(content)) as string[];

  const maxLength = config.model_max_length;
  const parts: TokenizerParts = {
    vocab: model.vocab,
    merges: model.merges,
    addedTokens: [...added.values()],
    roles,
    namedSpecialTokens: Object.fromEntries(named),
    additionalSpecialTokens: [...new Set(additional)],
    addPrefixSpace: typeof config.add_prefix_space === "boolean" ? config.add_prefix_space : model.addPrefixSpace,
    // 1e30 stands for "unknown" there.
    modelMaxLength: Number.isSafeInteger(maxLength) ? (maxLength as number) : undefined,
  };
  checkParts(parts, folder.name);
  return parts;
}

/**
 * Tokens with names of their own: `extra_special_tokens`, where that is no list, and what special_tokens_map.json holds
 * beside the roles, as transformers writes both.
 */
function namedTokens(config: JsonObject, specialMap: JsonObject): (readonly [string, unknown])[] {
  const extra = [config, specialMap]
    .map(({ extra_special_tokens: tokens }) => tokens)
    .filter((tokens) => !Array.isArray(tokens));
  return [...extra.map((tokens) => objectOr(tokens, {})), specialMap]
    .flatMap((tokens) => Object.entries(tokens))
    .filter(([name]) => isTokenName(name));
}

async function readModel(folder: Folder): Promise<ModelParts> {
  if (await folder.has("tokenizer.json")) {
    return parseTokenizerJson(await readJsonObject(folder, "tokenizer.json"), `${folder.name}/tokenizer.json`);
  }
  const missing: string[] = [];
  for (const file of ["vocab.json", "merges.txt"]) if (!(await folder.has(file))) missing.push(file);
  if (missing.length > 0) {
    throw new UserError(
      `${folder.name}: no tokenizer.json and no ${missing.join(" or ")}; ` +
        "a tokenizer needs either tokenizer.json or both vocab.json and merges.txt, so fetch those into the folder.",
    );
  }
  const vocab = toVocab(await readJsonObject(folder, "vocab.json"), `${folder.name}/vocab.json`);
  const merges = parseMerges(await readModelText(folder, "merges.txt"), `${folder.name}/merges.txt`);
  return { vocab, merges, addedTokens: [], addPrefixSpace: false };
}

function parseTokenizerJson(json: JsonObject, source: string): ModelParts {
  const model = objectOr(json.model, {});
  const refuse = (what: string, found: unknown, wanted: string): never => {
    throw new UserError(
      `${source}: ${what} is ${quote(found)}, and this engine reads only ${wanted}; use a GPT-2 tokenizer.`,
    );
  };
  if ((model.type ?? "BPE") !== "BPE") refuse("the model", model.type, "BPE");
  if (model.vocab === undefined || model.merges === undefined)
    refuse("the model", Object.keys(model), "BPE with vocab and merges");
  for (const option of ["dropout", "continuing_subword_prefix", "end_of_word_suffix", "ignore_merges"]) {
    if (model[option]) refuse(`the model's ${option}`, model[option], "BPE without it");
  }
  if (stepsOf(json.normalizer, "normalizers").length > 0)
    refuse("the normalizer", json.normalizer, "tokenizers without one");
  const preTokenizers = stepsOf(json.pre_tokenizer, "pretokenizers");
  const byteLevel = preTokenizers[0] ?? {};
  if (preTokenizers.length !== 1 || byteLevel.type !== "ByteLevel")
    refuse("the pre-tokenizer", json.pre_tokenizer, "ByteLevel");
  if (byteLevel.use_regex === false) refuse("the pre-tokenizer's use_regex", false, "true (GPT-2's own pattern)");
  for (const decoder of stepsOf(json.decoder, "decoders"))
    if (decoder.type !== "ByteLevel") refuse("the decoder", json.decoder, "ByteLevel");
  for (const processor of stepsOf(json.post_processor, "processors")) {
    if (processor.type !== "ByteLevel" && !addsNothing(processor)) {
      refuse("the post-processor", processor.type, "ByteLevel, or a template that adds no token");
    }
  }
  if (!Array.isArray(model.merges)) refuse("the list of merges", typeof model.merges, "a list");
  const addedTokens = Object.values(objectOr(json.added_tokens, {})).map((token) =>
    toAddedToken(numberOf(objectOr(token, {}).id), token, source),
  );
  return {
    vocab: toVocab(objectOr(model.vocab, {}), source),
    merges: (model.merges as unknown[]).map((merge, rank) => toMerge(merge, `${source}: merge ${rank + 1}`)),
    addedTokens,
    addPrefixSpace: byteLevel.add_prefix_space !== false, // left out, it is true there
  };
}

/** The steps of a normalizer, pre-tokenizer, decoder or post-processor: none, one, or those of a Sequence. */
function stepsOf(component: unknown, listKey: string): JsonObject[] {
  if (component === null || component === undefined) return [];
  const step = objectOr(component, {});
  if (step.type !== "Sequence") return [step];
  return Object.values(objectOr(step[listKey], {})).flatMap((inner) => stepsOf(inner, listKey));
}

function addsNothing(processor: JsonObject): boolean {
  const pieces = Object.values(objectOr(processor.single, {}));
  return processor.type === "TemplateProcessing" && pieces.length === 1 && "Sequence" in objectOr(pieces[0], {});
}

function parseMerges(text: string, source: string): Merge[] {
  const lines = text.split(/\r?\n/);
  if (lines.at(-1) === "") lines.pop();
  const headers = lines[0]?.startsWith("#version") ? 1 : 0;
  return lines.slice(headers).map((line, i) => toMerge(line, `${source}: line ${i + 1 + headers}`));
}

function toMerge(value: unknown, where: string): Merge {
  const pair: unknown = typeof value === "string" ? value.split(" ") : value;
  if (Array.isArray(pair) && pair.length === 2 && pair.every((piece) => typeof piece === "string" && piece !== ""))
    return [pair[0], pair[1]];
  throw new UserError(
    `${where} is ${quote(value)}, wanted two pieces with a space between; the file is cut short or ` +
      "damaged, so fetch it again.",
  );
}

function toVocab(json: JsonObject, source: string): Map<string, number> {
  const vocab = new Map<string, number>();
  for (const [piece, id] of Object.entries(json)) {
    if (typeof id !== "number")
      throw new UserError(
        `${source}: piece ${quote(piece)} has id ${quote(id)}, wanted a number; fetch the file again.`,
      );
    vocab.set(piece, id);
  }
  if (vocab.size === 0) throw new UserError(`${source}: the vocabulary is empty; fetch the file again.`);
  return vocab;
}

function toAddedToken(id: number, value: unknown, source: string): AddedToken {
  const json = objectOr(value, {});
  if (typeof json.content !== "string" || json.content === "" || !Number.isSafeInteger(id)) {
    throw new UserError(
      `${source}: added token ${quote(value)} (id ${id}) has no content or no whole number as its id; ` +
        "fetch the file again.",
    );
  }
  const special = json.special === true;
  return {
    id,
    content: json.content,
    special,
    lstrip: json.lstrip === true,
    rstrip: json.rstrip === true,
    singleWord: json.single_word === true,
    normalized: typeof json.normalized === "boolean" ? json.normalized : !special,
  };
}

/** NaN for what is neither a number nor a text of one; other objects may make Number() throw. */
function numberOf(value: unknown): number {
  return typeof value === "number" || typeof value === "string" ? Number(value) : NaN;
}

function objectOr(value: unknown, otherwise: JsonObject): JsonObject {
  return typeof value === "object" && value !== null ? (value as JsonObject) : otherwise;
}

async function readOptionalObject(folder: Folder, file: string): Promise<JsonObject> {
  return (await folder.has(file)) ? readJsonObject(folder, file) : {};
}
