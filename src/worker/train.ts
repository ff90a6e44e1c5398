// A worker's model, trained on what a page sends: gaps by the model's template, or plain text.
import { UserError } from "../errors.ts";
import type { Folder } from "../files/folder.ts";
import { expectFields } from "../fields.ts";
import type { FieldsOf } from "../fields.ts";
import type { EncodedExample } from "../examples/encoded-example.ts";
import { textBlocks } from "../training/text-dataset.ts";
import { DEFAULT_ARGUMENTS } from "../training/arguments.ts";
import { wholeCheckpoints } from "../training/checkpoint.ts";
import { Trainer } from "../training/trainer.ts";
import { needEncoder } from "../writing/model-folder.ts";
import type { ModelFolder } from "../writing/model-folder.ts";
import { openPlace } from "./loaded-model.ts";
import type { LoadedModel } from "./loaded-model.ts";
import type { EngineEvents, GenerateRequest, Trained, TrainRequest, WorkerFillRequest } from "./messages.ts";

export interface TrainCall {
  /** Ends the run after the update in work, which is saved. */
  readonly signal: AbortSignal;
  readonly tell: <K extends keyof EngineEvents>(event: K, value: EngineEvents[K]) => void;
  /** What the model writes by now. */
  readonly sample: (wish: SampleWish) => Promise<string>;
  /** The run's own checkpoint, whose weights the model has, to go on from. */
  readonly from?: Folder;
}

/** One text that is to be written. */
export type SampleWish = GenerateRequest | { readonly gap: WorkerFillRequest };

const FIELDS: FieldsOf<TrainRequest> = {
  examples: true,
  text: true,
  evaluation: true,
  blockSize: true,
  args: true,
  saveTo: true,
  sample: true,
  resume: true,
};

/** Where the run that `request` describes goes on: its newest whole checkpoint, if it has one. Throws UserError. */
export async function checkpointOf({ resume, saveTo }: TrainRequest): Promise<Folder | undefined> {
  if (!resume) return undefined;
  if (!saveTo) throw new UserError("train({ resume: true }) goes on from what was saved: give saveTo.");
  const store = (await openPlace(saveTo)).checkpoints();
  for await (const name of wholeCheckpoints(store, () => {})) return store.open(name);
  return undefined;
}

/** What is learnt from and evaluated on, as token ids; how many examples were given. Throws UserError as train(). */
export function encodedData(folder: ModelFolder, request: TrainRequest): EncodedData {
  expectFields("train()", request, FIELDS);
  const { examples, text, evaluation } = request;
  if ((examples === undefined) === (text === undefined))
    throw new UserError("train() learns from either `examples` or `text`; give one of them.");
  const blockSize = blockSizeOf(folder, request.blockSize);
  const encode = (data: NonNullable<TrainRequest["evaluation"]>, what: string): EncodedExample[] =>
    typeof data === "string"
      ? textBlocks(data, folder.tokenizer, blockSize, what)
      : needEncoder(folder).encodeAll(data, { blockSize }).examples;
  const train = encode((examples ?? text)!, "text");
  return {
    blockSize,
    train,
    asked: examples?.length ?? train.length,
    evaluation: evaluation === undefined ? undefined : encode(evaluation, "evaluation"),
  };
}

interface EncodedData {
  readonly blockSize: number;
  readonly train: EncodedExample[];
  readonly evaluation: EncodedExample[] | undefined;
  readonly asked: number;
}

/** Trains `loaded`, which has gradients. Throws UserError for data of which nothing can be learnt, and as Trainer. */
export async function trainModel(
  loaded: LoadedModel,
  request: TrainRequest,
  { signal, tell, sample, from }: TrainCall,
): Promise<Trained> {
  const { train, evaluation, blockSize } = encodedData(loaded.folder, request);
  const { args, saveTo, sample: wish } = request;
  if (wish && ("gap" in wish || "gaps" in wish) && !loaded.infiller)
    throw new UserError("sample.gap is for a model that fills gaps; give sample.prompt instead.");
  const { tokenizer } = loaded.folder;
  const trainer = new Trainer({
    model: loaded.model,
    args: { ...DEFAULT_ARGUMENTS, ...args },
    train,
    evaluation,
    padId: tokenizer.padTokenId ?? 0, // padding is masked everywhere, so any id will do
    settings: { block_size: blockSize },
    store: saveTo && (await openPlace(saveTo)).checkpoints(),
    extraFiles: await loaded.otherFiles(),
    onStep: (progress) => tell("step", progress),
    onLog: (entry) => tell("log", entry),
    onEvaluation: (result, progress) => tell("evaluation", { evaluation: result, progress }),
    onSave: (name) => tell("save", name),
    onSaveFailed: (what, error) => tell("note", `${what}: ${error.message} Training goes on.`),
    sampleSteps: wish?.everySteps,
    onSample:
      wish &&
      (async ({ step }) => {
        if (!("gaps" in wish)) return tell("sample", { text: await sample(wish), step });
        for (const [number, gap] of wish.gaps.entries())
          if (!signal.aborted) tell("sample", { text: await sample({ gap }), step, number });
      }),
  });
  try {
    if (from) await trainer.resume(from, { own: true });
    const { finished, logHistory } = await trainer.train(signal);
    return { finished, logHistory };
  } finally {
    trainer.destroy();
  }
}

function blockSizeOf({ config }: ModelFolder, wanted = config.nPositions): number {
  const most = config.nPositions;
  if (Number.isInteger(wanted) && wanted >= 2 && wanted <= most) return wanted;
  throw new UserError(`blockSize is ${wanted}, wanted a whole number from 2 to ${most}, the model's positions.`);
}
