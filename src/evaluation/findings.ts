// What an evaluation says in sentences, system by system.
import type { Evaluation, ModelEvaluation, System } from "./summary.ts";
import { systemsOf } from "./summary.ts";
import { textVerdict, verdicts } from "./verdicts.ts";
import type { Verdict } from "./verdicts.ts";

export interface SystemFindings {
  readonly name: string;
  readonly about: string;
  /** Of what the model is given; none of a system of which there are only texts. */
  readonly verdicts: readonly Verdict[];
  /** Of what it wrote. */
  readonly texts: string | undefined;
  /** All of them. */
  readonly sentences: readonly string[];
}

export function findings(evaluation: Evaluation): SystemFindings[] {
  return systemsOf(evaluation).map((system) => {
    const { name, about, written } = system;
    const found = isModel(system) ? verdicts(system.use) : [];
    const texts = written?.judged && textVerdict(written.judged);
    const sentences = [...found.map(({ sentence }) => sentence), ...(texts ? [texts] : [])];
    return { name, about, verdicts: found, texts, sentences };
  });
}

function isModel(system: System): system is ModelEvaluation {
  return "use" in system;
}
