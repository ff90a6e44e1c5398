// All that was ever written for this document: nothing that a writer liked is lost.
import { useSignal } from "@preact/signals";
import type { JSX } from "preact";
import { formatDate, t } from "../i18n/index.ts";
import { modelName } from "../i18n/names.ts";
import type { CandidateRecord, FillRecord } from "../store/records.ts";
import { Icon } from "../ui/icon.tsx";
import { activate, fills, gaps } from "./desk.ts";
import { insertAtCursor } from "./fills.ts";

/** Letters of what stands before a gap, by which it is recognised. */
const BEHIND = 60;

export function History(): JSX.Element {
  const search = useSignal("");
  const wanted = search.value.trim().toLowerCase();
  const found = fills.value
    .map((fill) => ({
      fill,
      texts: fill.candidates.filter(({ text }) => text !== "" && text.toLowerCase().includes(wanted)),
    }))
    .filter(({ texts }) => texts.length > 0);
  return (
    <section class="history stack" aria-label={t.value.write.viewNames.history}>
      <input
        type="search"
        aria-label={t.value.write.searchHistory}
        placeholder={t.value.write.searchHistory}
        value={search.value}
        onInput={(event) => (search.value = event.currentTarget.value)}
      />
      {found.length === 0 && <p class="soft small">{t.value.write.noHistory}</p>}
      <ol class="stack">
        {found.map(({ fill, texts }) => (
          <Entry key={fill.id} fill={fill} texts={texts} />
        ))}
      </ol>
    </section>
  );
}

function Entry({
  fill,
  texts,
}: {
  readonly fill: FillRecord;
  readonly texts: readonly CandidateRecord[];
}): JSX.Element {
  const isOpen = gaps.value.some(({ id }) => id === fill.id);
  const behind = fill.p1.length <= BEHIND ? fill.p1 : fill.p1.slice(-BEHIND).replace(/^\S*\s/, "");
  return (
    <li>
      <details>
        <summary>
          <span class="small soft">
            {formatDate(fill.begun)} · {modelName(fill.model)}
          </span>
          <span class="behind">{behind === "" ? t.value.write.atBeginning : `… ${behind}`}</span>
          <span class="small">{t.value.write.textsWritten(texts.length)}</span>
        </summary>
        {isOpen && (
          <button class="quiet" onClick={() => activate(fill.id)}>
            <Icon name="eye" />
            {t.value.write.showGap}
          </button>
        )}
        <ul class="stack">
          {fill.replaced !== "" && <Text text={fill.replaced} label={t.value.write.stoodThere} />}
          {texts.map(({ id, text, pinned, origin }) => (
            <Text
              key={id}
              text={text}
              label={[
                id === fill.accepted && !isOpen ? t.value.write.taken : "",
                pinned ? t.value.write.pinned : "",
                t.value.write.origins[origin],
              ]
                .filter(Boolean)
                .join(" · ")}
            />
          ))}
        </ul>
      </details>
    </li>
  );
}

function Text({ text, label }: { readonly text: string; readonly label: string }): JSX.Element {
  const copied = useSignal(false);
  const copy = async (): Promise<void> => {
    await navigator.clipboard.writeText(text);
    copied.value = true;
    setTimeout(() => (copied.value = false), 1500);
  };
  return (
    <li class="past">
      <span class="small soft">{label}</span>
      <p>{text}</p>
      <div class="row">
        <button class="quiet" onClick={() => insertAtCursor(text)}>
          {t.value.write.insert}
        </button>
        <button class="quiet" onClick={() => void copy()}>
          {copied.value ? t.value.write.copied : t.value.write.copy}
        </button>
      </div>
    </li>
  );
}
