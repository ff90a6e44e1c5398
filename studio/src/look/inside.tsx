// A text word by word: each piece tinted by how surprising it was, and of the chosen one what else it might have been
// and what the model looked at.
import { useSignal } from "@preact/signals";
import type { JSX } from "preact";
import { useRef } from "preact/hooks";
import type { Explanation } from "../../../src/entries/explain.ts";
import { formatPercent, numbers, t } from "../i18n/index.ts";
import { attentionOf, strengths } from "./attention.ts";
import { meanChoice, oneIn, surpriseOf } from "./surprise.ts";

type Sequence = Explanation["prompts"][number]["sequences"][number];

export function Inside({ explanation }: { readonly explanation: Explanation }): JSX.Element | null {
  const words = t.value.look;
  const which = useSignal(0);
  const at = useSignal(0);
  const [prompt] = explanation.prompts;
  const sequence = prompt?.sequences[Math.min(which.value, prompt.sequences.length - 1)];
  if (!prompt || !sequence) return null;
  const t0 = Math.min(at.value, sequence.ids.length - 1);
  const weights = attentionOf(explanation, prompt, sequence, t0);
  const looked = weights ? strengths(weights) : [];
  const choice = meanChoice(sequence.choices.map(({ own }) => own.logProb));
  return (
    <section class="stack" aria-label={words.title}>
      {prompt.sequences.length > 1 && (
        <div class="row" role="group" aria-label={words.texts}>
          {prompt.sequences.map((_, each) => (
            <button
              key={each}
              type="button"
              aria-pressed={each === which.value}
              onClick={() => {
                which.value = each;
                at.value = 0;
              }}
            >
              {words.textNumber(numbers.value.format(each + 1))}
            </button>
          ))}
        </div>
      )}
      {choice !== undefined && <p>{words.onAverage(numbers.value.format(round(choice)))}</p>}
      <Legend />
      <div class="reading">
        <div class="pieces">
          <Given explanation={explanation} looked={looked} />
          <Pieces
            sequence={sequence}
            looked={looked.slice(prompt.ids.length)}
            at={t0}
            onChoose={(i) => (at.value = i)}
          />
        </div>
        <Panel explanation={explanation} sequence={sequence} at={t0} />
      </div>
    </section>
  );
}

const round = (value: number): number => (value < 10 ? Math.round(value * 10) / 10 : Math.round(value));

function Legend(): JSX.Element {
  const words = t.value.look;
  return (
    <p class="legend small soft">
      <span>{words.expected}</span>
      {[0, 0.25, 0.5, 0.75, 1].map((step) => (
        <span key={step} class="ramp" style={{ "--s": String(step) }} />
      ))}
      <span>{words.surprising}</span>
      <span class="looked-at">{words.lookedAt}</span>
    </p>
  );
}

interface GivenProps {
  readonly explanation: Explanation;
  readonly looked: readonly number[];
}

/** What stood before the text, under its headings. */
function Given({ explanation, looked }: GivenProps): JSX.Element {
  const { ids, text, sections } = explanation.prompts[0]!;
  const marks = new Map(sections.map(({ start, label }) => [start, label]));
  return (
    <>
      {ids.map((_, k) =>
        marks.has(k) ? (
          <h2 key={k}>{marks.get(k)}</h2>
        ) : (
          <span key={k} class="given" style={{ "--a": String(looked[k] ?? 0) }}>
            {text[k]}
          </span>
        ),
      )}
    </>
  );
}

interface PiecesProps {
  readonly sequence: Sequence;
  readonly looked: readonly number[];
  readonly at: number;
  readonly onChoose: (index: number) => void;
}

/** One stop of the Tab key; arrows go from piece to piece. */
function Pieces({ sequence, looked, at, onChoose }: PiecesProps): JSX.Element {
  const words = t.value.look;
  const place = useRef<HTMLDivElement>(null);
  const go = (index: number): void => {
    const next = Math.max(0, Math.min(sequence.ids.length - 1, index));
    onChoose(next);
    place.current?.querySelectorAll<HTMLElement>("[role=option]")[next]?.focus();
  };
  const onKeyDown = (event: KeyboardEvent): void => {
    const steps: Readonly<Record<string, number>> = {
      ArrowRight: at + 1,
      ArrowDown: at + 1,
      ArrowLeft: at - 1,
      ArrowUp: at - 1,
      Home: 0,
      End: sequence.ids.length - 1,
    };
    const next = steps[event.key];
    if (next === undefined) return;
    event.preventDefault();
    go(next);
  };
  return (
    <div ref={place} role="listbox" tabIndex={-1} aria-label={words.pieces} onKeyDown={onKeyDown}>
      {sequence.ids.map((id, i) => {
        const { own } = sequence.choices[i]!;
        const ended = sequence.finishReason === "eos" && i === sequence.ids.length - 1;
        return (
          <span
            key={`${i} ${id}`}
            role="option"
            aria-selected={i === at}
            tabIndex={i === at ? 0 : -1}
            class="piece"
            style={{ "--s": String(surpriseOf(own.probability)), "--a": String(looked[i] ?? 0) }}
            onClick={() => onChoose(i)}
          >
            {ended ? words.end : sequence.text[i] || "▯"}
          </span>
        );
      })}
    </div>
  );
}

interface PanelProps {
  readonly explanation: Explanation;
  readonly sequence: Sequence;
  readonly at: number;
}

/** Of one piece: how likely it was, and the ten likeliest. */
function Panel({ explanation, sequence, at }: PanelProps): JSX.Element {
  const words = t.value.look;
  const { own, alternatives } = sequence.choices[at]!;
  const id = sequence.ids[at]!;
  const name = (token: number): string => explanation.tokens[token] ?? "";
  const sorted = [...alternatives].sort((a, b) => b.own - a.own);
  const greatest = sorted[0]?.own ?? 1;
  const chance = own.probability || Number.MIN_VALUE; // too small for a number, but it was chosen
  return (
    <aside class="card stack panel" aria-label={words.panel}>
      <h2>
        <q>{name(id)}</q>
      </h2>
      <p>
        {words.chance(formatPercent(chance), numbers.value.format(oneIn(chance)))}{" "}
        {own.rank === 1 ? words.first : words.rank(numbers.value.format(own.rank))}
      </p>
      <h3>{words.alternatives}</h3>
      <ol class="alternatives">
        {sorted.map((each) => (
          <li key={each.id} class={each.id === id ? "taken" : undefined}>
            <span class="word">{name(each.id)}</span>
            <span class="bar" aria-hidden="true" style={{ "--w": `${(100 * each.own) / greatest}%` }} />
            <span class="share">{formatPercent(each.own)}</span>
          </li>
        ))}
      </ol>
    </aside>
  );
}
