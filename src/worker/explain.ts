// A text in its gap, seen from inside: what each of its tokens was chosen from and looked at. Either a text that stands
// already, whoever wrote it, or one that is written now.
import { UserError } from "../errors.ts";
import { expectFields } from "../fields.ts";
import type { FieldsOf } from "../fields.ts";
import { explain } from "../explain/explain.ts";
import type { Explanation } from "../explain/explanation.ts";
import { needEncoder } from "../writing/model-folder.ts";
import type { LoadedModel } from "./loaded-model.ts";
import type { ExplainRequest } from "./messages.ts";

const FIELDS: FieldsOf<ExplainRequest> = { gap: true, text: true, options: true, labels: true };
/** Markers of a prompt: of p1, p3 and p2. */
const MARKERS = 3;
/** New tokens where nothing says how many, as a share of the positions. */
const NEW_SHARE = 1 / 4;

/**
 * Throws UserError for a model that fills no gaps, for a text that it has no room for, and as generate(); the signal's
 * reason.
 */
export async function explainText(
  { folder, model }: LoadedModel,
  request: ExplainRequest,
  signal: AbortSignal,
): Promise<Explanation> {
  expectFields("explain()", request, FIELDS);
  const { gap, text, options = {}, labels } = request;
  const encoder = needEncoder(folder);
  const { nPositions } = model.config;
  const written = text === undefined ? undefined : encoder.textIds(text);
  const room = written?.length ?? options.maxNewTokens ?? Math.floor(nPositions * NEW_SHARE);
  if (room < 1 || room > nPositions - MARKERS)
    throw new UserError(
      `The text has ${room} tokens, and this model sees from 1 to ${nPositions - MARKERS} at once; ` +
        "choose a part of it.",
    );
  const inputs = encoder.generationInputs([gap], { maxLength: nPositions - room });
  const { p1, p2, p3 } = encoder.ids;
  const headings = labels && new Map([[p1, labels.before] as const, [p3, labels.after], [p2, labels.written]]);
  const common = { tokenizer: folder.tokenizer, signal };
  const [{ length: start }] = inputs.inputIds;
  const { explanation } = await explain(
    model,
    folder.tokenizer,
    written
      ? {
          ...common,
          inputIds: inputs.inputIds,
          ...(inputs.tokenTypeIds && { tokenTypeIds: inputs.tokenTypeIds }),
          padTokenId: inputs.padTokenId,
          eosTokenId: inputs.eosTokenId,
          maxNewTokens: written.length,
          prefixAllowedTokensFn: (_, ids) => [written[ids.length - start]!],
        }
      : { ...common, ...inputs, maxNewTokens: room, ...options },
    { name: folder.folder.name, defaults: written ? {} : folder.defaults, labels: headings },
  );
  signal.throwIfAborted();
  return explanation;
}
