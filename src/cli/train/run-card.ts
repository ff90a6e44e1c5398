// The model card of a training run: what it began with, its data by title, its settings, and what came of it.
import { basename } from "node:path";
import type { InfillExample } from "../../infill/example.ts";
import type { CardData } from "../../training/model-card.ts";
import { modelCard } from "../../training/model-card.ts";
import { baseOf, cardUsage, ofHub } from "../shared/model-card.ts";
import { DEMO_MODEL, versionLine } from "../shared/project-path.ts";
import type { OpenedExamples } from "./data-choice.ts";
import type { Job } from "./job.ts";
import type { RunEnd } from "./run-end.ts";
import type { RunFolder } from "./run-folder.ts";
import { beginsFresh } from "./setup.ts";
import { trainableFacts } from "./trainable.ts";

/** Examples whose title is looked at: reading those of a data set larger than memory would take minutes. */
const MOST_EXAMPLES = 100_000;

export async function runCard(run: RunFolder, job: Job, end: RunEnd): Promise<string> {
  const { flags, args, start, blockSize, train, evaluation } = job;
  const { config, lora, tokenizer, template } = start;
  const { history, finalStep, worldSize, size } = end;
  const begun = beginsFresh(flags) ? { origin: "fresh weights" } : await baseOf(flags.modelNameOrPath ?? DEMO_MODEL);
  return modelCard({
    about: {
      name: run.name,
      ...(lora?.baseModelNameOrPath ? ofHub(lora.baseModelNameOrPath) : {}),
      ...begun,
      languages: languagesOf(train),
      fillsGaps: template !== undefined,
      ...(lora && { adapter: "lora" as const }),
    },
    size,
    usage: cardUsage(config, tokenizer, template),
    training: {
      args,
      blockSize,
      trainable: trainableFacts(flags, lora),
      worldSize,
      history,
      finalStep,
      data: cardData(train),
      ...(evaluation && { evaluation: cardData(evaluation) }),
      program: versionLine(),
    },
  });
}

function cardData(data: OpenedExamples): CardData {
  const titles = new Map<string, number>();
  for (const example of someGaps(data)) {
    const title = titleOf(example);
    if (title !== undefined) titles.set(title, (titles.get(title) ?? 0) + 1);
  }
  return { file: basename(data.file), examples: data.examples.length, tokens: data.tokens, titles };
}

function* someGaps({ gaps, examples }: OpenedExamples): Generator<InfillExample> {
  if (!gaps) return;
  const count = Math.min(examples.length, MOST_EXAMPLES);
  for (let i = 0; i < count; i++) yield gaps.at(i)!;
}

/** What the metadata say, with the author; else the book's file. */
function titleOf({ meta, place }: InfillExample): string | undefined {
  const { title, author } = typeof meta === "object" ? meta : {};
  if (typeof title !== "string" || title.trim() === "") return place && basename(place.book);
  return typeof author === "string" && author.trim() !== "" ? `${title}, by ${author}` : title;
}

/** Codes as metadata have them, the most frequent first. */
function languagesOf(data: OpenedExamples): string[] {
  const counts = new Map<string, number>();
  for (const { meta } of someGaps(data)) {
    const { language } = typeof meta === "object" ? meta : {};
    const code = typeof language === "string" ? /^([a-z]{2,3})(-[a-z0-9]+)*$/i.exec(language.trim())?.[1] : undefined;
    if (code !== undefined) counts.set(code.toLowerCase(), (counts.get(code.toLowerCase()) ?? 0) + 1);
  }
  return [...counts].sort(([, a], [, b]) => b - a).map(([code]) => code);
}
