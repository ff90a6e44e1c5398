// How long a run is and, for those who know, how it learns.
import type { Signal } from "@preact/signals";
import type { ComponentChildren, JSX } from "preact";
import { useId } from "preact/hooks";
import { formatFigure, t } from "../i18n/index.ts";
import type { Wish } from "./plan.ts";

type Wished = Omit<Wish, "learningRate"> & { readonly learningRate?: number };

interface Props {
  readonly name: Signal<string>;
  readonly wish: Wished;
  /** What it is where nothing is chosen. */
  readonly learningRate: number;
  readonly onChange: (part: Partial<Wished>) => void;
}

export function WishFields({ name, wish, learningRate, onChange }: Props): JSX.Element {
  const words = t.value.teach;
  return (
    <>
      <div class="fields">
        <Field label={words.passes}>
          {(id) => (
            <NumberInput
              id={id}
              value={wish.passes}
              min={1}
              onValue={(value) => onChange({ passes: value ?? 1 })}
              required
            />
          )}
        </Field>
        <Field label={words.name}>
          {(id) => <input id={id} value={name.value} onInput={(event) => (name.value = event.currentTarget.value)} />}
        </Field>
      </div>
      <details>
        <summary>{words.more}</summary>
        <div class="fields">
          <Field label={words.maxSteps} hint={words.maxStepsHint}>
            {(id) => (
              <NumberInput id={id} value={wish.maxSteps} min={1} onValue={(maxSteps) => onChange({ maxSteps })} />
            )}
          </Field>
          <Field label={words.lookEvery} hint={words.lookEveryHint}>
            {(id) => (
              <NumberInput
                id={id}
                value={wish.lookEvery}
                min={1}
                placeholder={words.automatic}
                onValue={(lookEvery) => onChange({ lookEvery })}
              />
            )}
          </Field>
          <Field label={words.batchSize}>
            {(id) => (
              <NumberInput
                id={id}
                value={wish.batchSize}
                min={1}
                onValue={(value) => onChange({ batchSize: value ?? 8 })}
                required
              />
            )}
          </Field>
          <Field label={words.learningRate}>
            {(id) => (
              <NumberInput
                id={id}
                value={wish.learningRate}
                min={0}
                step="any"
                placeholder={formatFigure(learningRate)}
                onValue={(rate) => onChange({ learningRate: rate })}
              />
            )}
          </Field>
          <Field label={words.seed}>
            {(id) => (
              <NumberInput
                id={id}
                value={wish.seed}
                min={0}
                onValue={(value) => onChange({ seed: value ?? 42 })}
                required
              />
            )}
          </Field>
        </div>
      </details>
    </>
  );
}

interface FieldProps {
  readonly label: string;
  readonly hint?: string;
  readonly children: (id: string) => ComponentChildren;
}

function Field({ label, hint, children }: FieldProps): JSX.Element {
  const id = useId();
  return (
    <div class="field">
      <label for={id}>{label}</label>
      {children(id)}
      {hint && <p class="soft small">{hint}</p>}
    </div>
  );
}

interface NumberProps {
  readonly id: string;
  readonly value: number | undefined;
  readonly min: number;
  readonly step?: number | "any";
  readonly placeholder?: string;
  readonly required?: boolean;
  readonly onValue: (value: number | undefined) => void;
}

/** The value is taken when it is one: a field that is being typed in does not jump. */
function NumberInput({ id, value, min, step = 1, placeholder, required, onValue }: NumberProps): JSX.Element {
  return (
    <input
      id={id}
      type="number"
      value={value ?? ""}
      min={min}
      step={step}
      placeholder={placeholder}
      required={required}
      onChange={(event) => {
        const { value: text, valueAsNumber, validity } = event.currentTarget;
        if (text === "" && !required) onValue(undefined);
        else if (validity.valid) onValue(valueAsNumber);
      }}
    />
  );
}
