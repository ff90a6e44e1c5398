// A worker's model, trained on what a page sends: gaps by the model's template, or plain text.
import { UserError } from "../errors.ts";
import { expectFields } from "../fields.ts";
import type { FieldsOf } from "../fields.ts";
import type { EncodedExample } from "../examples/encoded-example.ts";
import { textBlocks } from "../training/text-dataset.ts";
import { DEFAULT_ARGUMENTS } from "../training/arguments.ts";
import { Trainer } from "../training/trainer.ts";
import { needEncoder } from "../writing/model-folder.ts";
import { openPlace } from "./loaded-model.ts";
import type { LoadedModel } from "./loaded-model.ts";
import type { EngineEvents, Trained, TrainRequest } from "./messages.ts";

export interface TrainCall {
  /** Ends the run after the update in work, which is saved. */
  readonly signal: AbortSignal;
  readonly tell: <K extends keyof EngineEvents>(event: K, value: EngineEvents[K]) => void;
  /** What the model writes by now. */
  readonly sample: (wish: NonNullable<TrainRequest["sample"]>) => Promise<string>;
}

const FIELDS: FieldsOf<TrainRequest> = {
  examples: true,
  text: true,
  evaluation: true,
  blockSize: true,
  args: true,
  saveTo: true,
  sample: true,
};

/** Trains `loaded`, which has gradients. Throws UserError for data of which nothing can be learnt, and as Trainer. */
export async function trainModel(
  loaded: LoadedModel,
  request: TrainRequest,
  { signal, tell, sample }: TrainCall,
): Promise<Trained> {
  expectFields("train()", request, FIELDS);
  const { examples, text, evaluation, args, saveTo, sample: wish } = request;
  if ((examples === undefined) === (text === undefined))
    throw new UserError("train() learns from either `examples` or `text`; give one of them.");
  if (wish && "gap" in wish && !loaded.infiller)
    throw new UserError("sample.gap is for a model that fills gaps; give sample.prompt instead.");
  const blockSize = blockSizeOf(loaded, request.blockSize);
  const { tokenizer } = loaded.folder;
  const encode = (data: NonNullable<TrainRequest["evaluation"]>, what: string): EncodedExample[] =>
    typeof data === "string"
      ? textBlocks(data, tokenizer, blockSize, what)
      : needEncoder(loaded.folder).encodeAll(data, { blockSize }).examples;
  const trainer = new Trainer({
    model: loaded.model,
    args: { ...DEFAULT_ARGUMENTS, ...args },
    train: encode((examples ?? text)!, "text"),
    evaluation: evaluation === undefined ? undefined : encode(evaluation, "evaluation"),
    padId: tokenizer.padTokenId ?? 0, // padding is masked everywhere, so any id will do
    settings: { block_size: blockSize },
    store: saveTo && (await openPlace(saveTo)).checkpoints(),
    extraFiles: await loaded.otherFiles(),
    onStep: (progress) => tell("step", progress),
    onLog: (entry) => tell("log", entry),
    onEvaluation: (result, progress) => tell("evaluation", { evaluation: result, progress }),
    onSave: (name) => tell("save", name),
    sampleSteps: wish?.everySteps,
    onSample: wish && (async ({ step }) => tell("sample", { text: await sample(wish), step })),
  });
  try {
    const { finished, logHistory } = await trainer.train(signal);
    return { finished, logHistory };
  } finally {
    trainer.destroy();
  }
}

function blockSizeOf({ model }: LoadedModel, wanted = model.config.nPositions): number {
  const most = model.config.nPositions;
  if (Number.isInteger(wanted) && wanted >= 2 && wanted <= most) return wanted;
  throw new UserError(`blockSize is ${wanted}, wanted a whole number from 2 to ${most}, the model's positions.`);
}
