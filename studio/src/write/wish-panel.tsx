// What a gap's text is to be: length, names, the template's other fields, its first words; and how texts are drawn.
import { useSignal } from "@preact/signals";
import type { JSX } from "preact";
import { useId } from "preact/hooks";
import { modelState } from "../engine/engine.ts";
import { fieldName } from "../i18n/names.ts";
import { numbers, t } from "../i18n/index.ts";
import { Icon } from "../ui/icon.tsx";
import { NAME_CLASSES } from "../store/records.ts";
import type { NameClass } from "../store/records.ts";
import { changeDrawing, changeWishes, drawing, open } from "./desk.ts";
import { addName, isPicked, names, namesProblem, pickName, removeName } from "./names.ts";
import { BEGINS_WITH, isEmptyWish, lineFields } from "./wishes.ts";

const LENGTHS = ["S", "M", "L"] as const;
const MOST_CANDIDATES = 6;

export function WishPanel(): JSX.Element {
  const state = modelState.value;
  const known = state.is === "ready" ? state.info.metadata : [];
  const wishes = open.value?.wishes ?? {};
  const textOf = (field: string): string => (typeof wishes[field] === "string" ? (wishes[field] as string) : "");
  return (
    <section class="wishes-panel stack" aria-label={t.value.write.viewNames.wishes}>
      {known.includes("length") && (
        <fieldset>
          <legend>{t.value.write.length}</legend>
          <div class="segments">
            {LENGTHS.map((each) => (
              <button
                key={each}
                aria-pressed={wishes.length === each}
                onClick={() => changeWishes({ length: wishes.length === each ? "" : each })}
              >
                {t.value.write.lengths[each]}
              </button>
            ))}
          </div>
        </fieldset>
      )}
      <Line
        label={t.value.write.beginsWith}
        value={textOf(BEGINS_WITH)}
        onInput={(text) => changeWishes({ [BEGINS_WITH]: text })}
      />
      {NAME_CLASSES.map((kind) => (
        <Names key={kind} kind={kind} isKnown={known.includes(kind)} />
      ))}
      {namesProblem.value !== undefined && <p class="small bad">{namesProblem.value}</p>}
      {lineFields(known).map((field) => (
        <Line
          key={field}
          label={fieldName(field)}
          value={textOf(field)}
          onInput={(text) => changeWishes({ [field]: text })}
        />
      ))}
      <More />
    </section>
  );
}

interface LineProps {
  readonly label: string;
  readonly value: string;
  readonly onInput: (text: string) => void;
}

function Line({ label, value, onInput }: LineProps): JSX.Element {
  const id = useId();
  return (
    <div class="line">
      <label for={id}>{label}</label>
      <input id={id} value={value} onInput={(event) => onInput(event.currentTarget.value)} />
    </div>
  );
}

/** `isKnown`: the model has a field for them. */
function Names({ kind, isKnown }: { readonly kind: NameClass; readonly isKnown: boolean }): JSX.Element {
  const typed = useSignal("");
  const wishes = open.value?.wishes ?? {};
  const heading = t.value.write.nameClasses[kind];
  const isIdle = !isKnown && !drawing.value.mustOccur && !isEmptyWish(wishes[kind]);
  const add = (event: Event): void => {
    event.preventDefault();
    addName(kind, typed.value.trim());
    typed.value = "";
  };
  return (
    <fieldset class="names">
      <legend>{heading}</legend>
      <ul>
        {names.value[kind].map(({ name, forms, count }) => (
          <li key={name}>
            <button
              class="name"
              aria-pressed={isPicked(wishes, kind, name)}
              title={forms.length > 0 ? t.value.write.alsoCalled(forms.join(", ")) : undefined}
              onClick={() => pickName(kind, name)}
            >
              {name}
              {count !== undefined && <span class="soft">{numbers.value.format(count)}</span>}
            </button>
            <button
              class="quiet drop"
              aria-label={t.value.write.removeName(name)}
              onClick={() => removeName(kind, name)}
            >
              <Icon name="close" size={12} />
            </button>
          </li>
        ))}
      </ul>
      {isIdle && <p class="small soft">{t.value.write.notInTemplate}</p>}
      <form class="add-name" onSubmit={add}>
        <input
          aria-label={t.value.write.addName(heading)}
          placeholder={t.value.write.addNameShort}
          value={typed.value}
          onInput={(event) => (typed.value = event.currentTarget.value)}
        />
        <button class="quiet icon" aria-label={t.value.write.addName(heading)} disabled={typed.value.trim() === ""}>
          <Icon name="plus" />
        </button>
      </form>
    </fieldset>
  );
}

function More(): JSX.Element {
  const { candidates, temperature, topP, repetitionPenalty, seed, mustOccur, avoid } = drawing.value;
  const words = t.value.write;
  return (
    <details class="more">
      <summary>{words.more}</summary>
      <div class="stack">
        <Slider
          label={words.candidates}
          value={candidates}
          min={1}
          max={MOST_CANDIDATES}
          step={1}
          onInput={(value) => changeDrawing({ candidates: value })}
        />
        <Slider
          label={words.daring}
          hint={words.daringHint}
          value={temperature}
          min={0.3}
          max={1.6}
          step={0.1}
          onInput={(value) => changeDrawing({ temperature: value })}
        />
        <Slider
          label={words.range}
          hint={words.rangeHint}
          value={topP}
          min={0.3}
          max={1}
          step={0.05}
          onInput={(value) => changeDrawing({ topP: value })}
        />
        <Slider
          label={words.repeating}
          hint={words.repeatingHint}
          value={repetitionPenalty}
          min={1}
          max={1.5}
          step={0.05}
          onInput={(value) => changeDrawing({ repetitionPenalty: value })}
        />
        <label class="check">
          <input
            type="checkbox"
            checked={mustOccur}
            onChange={(event) => changeDrawing({ mustOccur: event.currentTarget.checked })}
          />
          <span>
            {words.mustOccur}
            <small class="soft">{words.mustOccurHint}</small>
          </span>
        </label>
        <Avoid words={avoid} />
        <Line
          label={words.seed}
          value={seed === undefined ? "" : String(seed)}
          onInput={(text) => changeDrawing({ seed: /^\d{1,9}$/.test(text.trim()) ? Number(text) : undefined })}
        />
      </div>
    </details>
  );
}

/** What is typed is kept as it is: a comma makes no word yet. */
function Avoid({ words }: { readonly words: readonly string[] }): JSX.Element {
  const typed = useSignal(words.join(", "));
  const take = (text: string): void => {
    typed.value = text;
    const avoid = text.split(",").map((word) => word.trim());
    changeDrawing({ avoid: avoid.filter((word) => word !== "") });
  };
  return <Line label={t.value.write.avoid} value={typed.value} onInput={take} />;
}

interface SliderProps {
  readonly label: string;
  readonly hint?: string;
  readonly value: number;
  readonly min: number;
  readonly max: number;
  readonly step: number;
  readonly onInput: (value: number) => void;
}

function Slider({ label, hint, value, min, max, step, onInput }: SliderProps): JSX.Element {
  const id = useId();
  return (
    <div class="slider">
      <label for={id}>{label}</label>
      <output for={id}>{numbers.value.format(value)}</output>
      <input
        id={id}
        type="range"
        min={min}
        max={max}
        step={step}
        value={value}
        aria-describedby={hint ? `${id}-hint` : undefined}
        onInput={(event) => onInput(Number(event.currentTarget.value))}
      />
      {hint && (
        <small id={`${id}-hint`} class="soft">
          {hint}
        </small>
      )}
    </div>
  );
}
