// The front matter of a model card: YAML that the Hub reads. Written and read in the few forms that are needed: a key
// with a text, or with a list of texts.

export interface CardAbout {
  readonly name: string;
  /** What training began with, in words: a folder's name, "fresh weights". */
  readonly origin: string;
  /** On the Hub, where it is there. */
  readonly baseModel?: string;
  /** Of the base, where it is known: what is made of it has it too. */
  readonly license?: string;
  /** Codes, "en". */
  readonly languages: readonly string[];
  readonly fillsGaps: boolean;
  /** Set where the folder holds an adapter and no model. */
  readonly adapter?: "lora";
}

/** What the evaluation's figures are of. */
export interface CardEvaluation {
  readonly loss: number;
  readonly perplexity: number;
  readonly data: string;
}

/** With its fences. */
export function frontMatter(about: CardAbout, evaluation: CardEvaluation | undefined): string {
  const { name, baseModel, license, languages, fillsGaps, adapter } = about;
  const tags = [
    "gpt2",
    "generated_from_trainer",
    "gpt2-webgpu",
    ...(fillsGaps ? ["infilling"] : []),
    ...(adapter ? [adapter, "transformers"] : []),
    ...(adapter && baseModel !== undefined ? [`base_model:adapter:${baseModel}`] : []),
  ];
  return [
    "---",
    `library_name: ${adapter ? "peft" : "transformers"}`,
    "pipeline_tag: text-generation",
    ...(baseModel === undefined ? [] : [`base_model: ${yaml(baseModel)}`]),
    ...(license === undefined ? [] : [`license: ${yaml(license)}`]),
    ...(languages.length === 0 ? [] : list("language", languages)),
    ...list("tags", tags),
    ...(evaluation ? modelIndex(name, evaluation) : []),
    "---",
  ].join("\n");
}

const list = (key: string, values: readonly string[]): string[] => [`${key}:`, ...values.map((v) => `- ${yaml(v)}`)];

function modelIndex(name: string, { loss, perplexity, data }: CardEvaluation): string[] {
  return [
    "model-index:",
    `- name: ${yaml(name)}`,
    "  results:",
    "  - task:",
    "      type: text-generation",
    "      name: Causal Language Modeling",
    "    dataset:",
    `      name: ${yaml(data)}`,
    "      type: text",
    "    metrics:",
    "    - type: loss",
    "      name: Loss",
    `      value: ${Number(loss.toFixed(4))}`,
    "    - type: perplexity",
    "      name: Perplexity",
    `      value: ${Number(perplexity.toPrecision(5))}`,
  ];
}

/** A text that YAML takes for nothing else: plain where that is sure, else in quotes, whose escapes are JSON's. */
function yaml(text: string): string {
  const plain = /^[A-Za-z][A-Za-z0-9._/-]*$/.test(text) && !/^(true|false|yes|no|on|off|null|y|n)$/i.test(text);
  return plain ? text : JSON.stringify(text);
}

/** The texts of a key in a card's front matter, one or a list of them; none where it has not got it. */
export function frontMatterTexts(card: string, key: string): string[] {
  const block = /^\uFEFF?---\r?\n(.*?)^---\s*$/ms.exec(card)?.[1] ?? "";
  const lines = block.split(/\r?\n/);
  const at = lines.findIndex((line) => line.startsWith(`${key}:`));
  if (at < 0) return [];
  const value = lines[at].slice(key.length + 1).trim();
  if (value !== "") return value.startsWith("[") ? value.slice(1, -1).split(",").map(unquoted) : [unquoted(value)];
  const items: string[] = [];
  for (const line of lines.slice(at + 1)) {
    const item = /^\s*-\s+(.*)$/.exec(line);
    if (!item) break;
    items.push(unquoted(item[1]));
  }
  return items;
}

const unquoted = (text: string): string => text.trim().replace(/^(["'])(.*)\1$/, "$2");
