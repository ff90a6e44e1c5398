// What was found in the books: the examples, to leaf through, and what is none of them, with the reasons.
import { useSignal } from "@preact/signals";
import type { JSX } from "preact";
import type { MetaValue } from "../../../src/entries/infill.ts";
import type { InfillExample } from "../../../src/entries/train.ts";
import type { BookAccount } from "../../../src/entries/books.ts";
import { fieldName, fieldValue } from "../i18n/names.ts";
import { inWords, numbers, t } from "../i18n/index.ts";
import type { BookResult } from "./books.worker.ts";

const DROPS = ["tooShort", "tooLong", "torn", "alone"] as const;

export function Triples({ found }: { readonly found: BookResult }): JSX.Element {
  const words = t.value.teach;
  const count = found.train.length + found.validation.length;
  return (
    <div class="stack">
      {found.refused.map(({ name, reason }) => (
        <p key={name} class="notice bad" role="alert">
          {words.refused(name, inWords(reason))}
        </p>
      ))}
      {count > 0 && (
        <p>{words.found(numbers.value.format(found.train.length), numbers.value.format(found.validation.length))}</p>
      )}
      {found.accounts.map((account) => (
        <Account key={account.name} account={account} />
      ))}
      {count > 0 && <Leaves examples={[...found.train, ...found.validation]} />}
    </div>
  );
}

function Account({ account }: { readonly account: BookAccount }): JSX.Element {
  const words = t.value.teach;
  const number = (value: number): string => numbers.value.format(value);
  const drops = DROPS.filter((reason) => account.dropped[reason] > 0);
  const characters = account.leftOut.reduce((sum, each) => sum + each.characters, 0);
  return (
    <details class="account">
      <summary>
        <strong>{account.name}</strong>{" "}
        {words.account(number(account.examples), number(account.passages), number(account.chapters))}
      </summary>
      <div class="stack">
        {drops.length > 0 && (
          <ul class="reasons">
            {drops.map((reason) => (
              <li key={reason}>{words.dropped[reason](number(account.dropped[reason]))}</li>
            ))}
          </ul>
        )}
        {account.leftOut.length > 0 && (
          <>
            <p class="soft">{words.leftOut(number(characters))}</p>
            <ul class="reasons">
              {account.leftOut.map(({ reason, pieces, characters: size }) => (
                <li key={reason}>
                  {words.reasons[reason]} · {words.pieces(number(pieces), number(size))}
                </li>
              ))}
            </ul>
          </>
        )}
        {account.largest.map(({ line, reason, text }) => (
          <p key={line} class="small">
            {words.largest(number(line), words.reasons[reason])} <q>{text.replace(/\s+/g, " ").trim()}</q>
          </p>
        ))}
      </div>
    </details>
  );
}

const saidOf = (field: string, value: MetaValue): string =>
  [value]
    .flat()
    .map((each) => fieldValue(field, String(each)))
    .join(", ");

function Leaves({ examples }: { readonly examples: readonly InfillExample[] }): JSX.Element {
  const at = useSignal(0);
  const words = t.value.teach;
  const index = Math.min(at.value, examples.length - 1);
  const example = examples[index]!;
  const turn = (by: number): void => void (at.value = (index + by + examples.length) % examples.length);
  const meta = typeof example.meta === "object" ? Object.entries(example.meta) : [];
  return (
    <section class="card stack" aria-label={words.example}>
      <div class="row between">
        <h3>{words.exampleNumber(numbers.value.format(index + 1), numbers.value.format(examples.length))}</h3>
        <div class="row">
          <button type="button" onClick={() => turn(-1)}>
            {words.previous}
          </button>
          <button type="button" onClick={() => turn(1)}>
            {words.next}
          </button>
        </div>
      </div>
      <div class="triple">
        <p class="context">{example.p1}</p>
        <p class="target">{example.p2}</p>
        <p class="context">{example.p3}</p>
      </div>
      {meta.length > 0 && (
        <p class="small soft">
          {meta.map(([field, value]) => words.fieldSaid(fieldName(field), saidOf(field, value))).join(" · ")}
        </p>
      )}
    </section>
  );
}
