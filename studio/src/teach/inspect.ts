// What a run would begin with: a model's positions and template, read by an engine, or a fresh model's sizes.
import type { EngineInfo } from "../../../src/entries/worker.ts";
import type { InfillTemplate } from "../../../src/entries/infill.ts";
import { modelState } from "../engine/engine.ts";
import { withEngine } from "../engine/host.ts";
import { t } from "../i18n/index.ts";
import { SaidError } from "../i18n/reasons.ts";
import { demo, models } from "../models/library.ts";
import type { StudioModel } from "../engine/model.ts";
import { SIZES } from "./plan.ts";
import type { SizeName } from "./plan.ts";
import type { Base } from "./runs.ts";

export interface BaseFacts {
  readonly base: Base;
  readonly nPositions: number;
  readonly parameters: number;
  readonly template?: InfillTemplate;
}

const known = new Map<string, Promise<BaseFacts>>();

/** `key`: "fresh:small", or "model:" and a model's id. Throws Error where the model cannot be loaded. */
export function inspect(key: string): Promise<BaseFacts> {
  const [kind, id = ""] = [key.slice(0, key.indexOf(":")), key.slice(key.indexOf(":") + 1)];
  if (kind === "fresh") return Promise.resolve(freshFacts(id as SizeName));
  const model = [demo(), ...models.value].find((each) => each.id === id);
  if (!model) return Promise.reject(new SaidError(t.value.teach.gone));
  const facts = known.get(key) ?? modelFacts(model);
  known.set(key, facts);
  facts.catch(() => known.delete(key));
  return facts;
}

function freshFacts(size: SizeName): BaseFacts {
  const config = SIZES[size];
  const { nEmbd = 0, nLayer = 0, nPositions = 0 } = config;
  return {
    base: { fresh: config, name: t.value.teach.freshName[size] },
    nPositions,
    parameters: 12 * nLayer * nEmbd ** 2, // of the blocks; the vocabulary follows from the books
  };
}

async function modelFacts({ id, source, name }: StudioModel): Promise<BaseFacts> {
  const state = modelState.value;
  if (state.is === "ready" && state.model.id === id) return factsOf(state.info, { source, name });
  const worker = new Worker(new URL("../engine/worker.ts", import.meta.url), { type: "module", name: "inspecting" });
  return withEngine(worker, async (engine) => factsOf(await engine.load(source), { source, name }));
}

const factsOf = ({ nPositions, parameters, template }: EngineInfo, base: Base): BaseFacts => ({
  base,
  nPositions,
  parameters,
  template,
});
