// The same three gaps at each look, so that progress can be read as prose: one gap at a time, all its texts in order.
import { useSignal } from "@preact/signals";
import type { JSX } from "preact";
import type { InfillExample } from "../../../src/entries/train.ts";
import { numbers, t } from "../i18n/index.ts";
import type { Journal } from "./journal.ts";

interface Props {
  readonly gaps: readonly InfillExample[];
  readonly journal: Journal;
}

/** Of what stands around a gap, the part that is read to understand it. */
const AROUND = 320;

export function Gaps({ gaps, journal }: Props): JSX.Element | null {
  const words = t.value.teach;
  const chosen = useSignal(0);
  const number = Math.min(chosen.value, gaps.length - 1);
  const gap = gaps[number];
  if (!gap) return null;
  const texts = journal.samples.filter((sample) => sample.number === number).sort((a, b) => b.step - a.step);
  return (
    <section class="stack gaps">
      <div>
        <h2>{words.gaps}</h2>
        <p class="soft small">{words.gapsHint}</p>
      </div>
      <div class="row" role="group" aria-label={words.gaps}>
        {gaps.map((_, each) => (
          <button key={each} type="button" aria-pressed={each === number} onClick={() => void (chosen.value = each)}>
            {words.gapNumber(numbers.value.format(each + 1))}
          </button>
        ))}
      </div>
      <div class="prose">
        <p class="context">{endOf(gap.p1)}</p>
        {texts.length === 0 ? (
          <p class="soft">{words.noSample}</p>
        ) : (
          <ol class="texts" tabIndex={0} aria-label={words.gapNumber(numbers.value.format(number + 1))}>
            {texts.map(({ step, text }) => (
              <li key={step}>
                <p class="soft small">
                  {step === 0 ? words.beforeLearning : words.afterUpdate(numbers.value.format(step))}
                </p>
                <p class="target">{text}</p>
              </li>
            ))}
          </ol>
        )}
        <p class="context">{beginningOf(gap.p3)}</p>
        <details>
          <summary>{words.author}</summary>
          <p class="target">{gap.p2}</p>
        </details>
      </div>
    </section>
  );
}

function endOf(text: string): string {
  return text.length <= AROUND ? text : `… ${text.slice(text.indexOf(" ", text.length - AROUND) + 1)}`;
}

function beginningOf(text: string): string {
  return text.length <= AROUND ? text : `${text.slice(0, text.lastIndexOf(" ", AROUND))} …`;
}
