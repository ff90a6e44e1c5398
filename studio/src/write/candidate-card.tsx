// One candidate: read it, see how well it fits, take it, pin it, change it by hand, ask for more like it.
import { useSignal } from "@preact/signals";
import type { JSX } from "preact";
import { useEffect, useRef } from "preact/hooks";
import { addressOf } from "../app/route.ts";
import { formatPercent, numbers, t } from "../i18n/index.ts";
import { newId } from "../store/records.ts";
import type { CandidateRecord, FillRecord } from "../store/records.ts";
import { Icon } from "../ui/icon.tsx";
import { fills, gaps, saveFill } from "./desk.ts";
import { accept, changeCandidate } from "./fills.ts";
import { OtherWord } from "./other-word.tsx";
import { surprise } from "./shares.ts";
import { judge, live, moreLike, working } from "./work.ts";

const tenths = (value: number): string => numbers.value.format(Math.round(10 * value) / 10);

interface CardProps {
  readonly fill: FillRecord;
  readonly candidate: CandidateRecord;
  readonly number: number;
  /** Of all, by the whole score; and by how probable it makes what follows alone. */
  readonly share: number | undefined;
  readonly leads: number | undefined;
  readonly isBest: boolean;
}

export function Card({ fill, candidate, number, share, leads, isBest }: CardProps): JSX.Element {
  const mode = useSignal<"read" | "edit" | "words">("read");
  const growing = live.value.get(candidate.id);
  const isGrowing = growing !== undefined;
  const text = growing ?? candidate.text;
  const isOpen = gaps.value.some(({ id }) => id === fill.id);
  const busy = working.value !== undefined;
  const name = t.value.write.candidateNumber(numbers.value.format(number));
  return (
    <li class={`card candidate${candidate.pinned ? " pinned" : ""}${isBest ? " best" : ""}`} aria-label={name}>
      <div class="row card-head">
        <Fit candidate={candidate} share={share} leads={leads} isBest={isBest} isGrowing={isGrowing} />
        <button
          class="quiet icon"
          aria-pressed={candidate.pinned}
          aria-label={t.value.write.pin(name)}
          title={t.value.write.pinTitle}
          onClick={() => changeCandidate(fill.id, candidate.id, { pinned: !candidate.pinned })}
        >
          <Icon name="pin" />
        </button>
      </div>
      {mode.value === "edit" ? (
        <EditText fill={fill} candidate={candidate} onDone={() => (mode.value = "read")} />
      ) : mode.value === "words" && !isGrowing ? (
        <OtherWord fill={fill} text={text} onDone={() => (mode.value = "read")} />
      ) : (
        <p class="candidate-text">
          {text}
          {isGrowing && <span class="caret" aria-hidden="true" />}
          {text === "" && <span class="soft">{t.value.write.searching}</span>}
        </p>
      )}
      {!isGrowing && candidate.unfinished && <p class="small soft">{t.value.write.unfinished}</p>}
      <div class="row card-tools">
        <button class="primary" disabled={isGrowing || text === "" || !isOpen} onClick={() => accept(fill, candidate)}>
          <Icon name="check" />
          {t.value.write.take}
        </button>
        <button
          class="quiet"
          disabled={isGrowing}
          aria-pressed={mode.value === "edit"}
          onClick={() => (mode.value = mode.value === "edit" ? "read" : "edit")}
        >
          {t.value.write.edit}
        </button>
        <button
          class="quiet"
          disabled={busy || text === ""}
          aria-pressed={mode.value === "words"}
          title={t.value.write.wordsTitle}
          onClick={() => (mode.value = mode.value === "words" ? "read" : "words")}
        >
          {t.value.write.words}
        </button>
        <button
          class="quiet"
          disabled={busy || text === ""}
          onClick={() => moreLike(fill, candidate)}
          title={t.value.write.moreTitle}
        >
          {t.value.write.moreLike}
        </button>
        {!isGrowing && text !== "" && (
          <a class="button quiet" href={addressOf("look", candidate.id)}>
            {t.value.app.look}
          </a>
        )}
      </div>
    </li>
  );
}

function Fit({
  candidate,
  share,
  leads,
  isBest,
  isGrowing,
}: Omit<CardProps, "fill" | "number"> & { readonly isGrowing: boolean }): JSX.Element {
  const { score } = candidate;
  if (isGrowing || !score)
    return <span class="small soft fit">{isGrowing ? t.value.write.writing : t.value.write.notJudged}</span>;
  const detail = t.value.write.fitDetail(
    tenths(surprise(score.terms.p2)),
    leads === undefined ? "" : formatPercent(leads),
  );
  return (
    <div class="fit" title={detail}>
      {share !== undefined && (
        <>
          <meter min={0} max={1} value={share} aria-label={t.value.write.fitLabel} />
          <span class="small">
            {formatPercent(share)}
            {isBest ? ` · ${t.value.write.best}` : ""}
          </span>
        </>
      )}
      <span class="small soft detail">{detail}</span>
    </div>
  );
}

function EditText({
  fill,
  candidate,
  onDone,
}: Pick<CardProps, "fill" | "candidate"> & { readonly onDone: () => void }): JSX.Element {
  const text = useSignal(candidate.text);
  const area = useRef<HTMLTextAreaElement>(null);
  useEffect(() => area.current?.focus(), []);
  const done = (): void => {
    const changed = text.value.trim();
    onDone();
    if (changed === "" || changed === candidate.text) return;
    // The text before stays in the history.
    const own: CandidateRecord = {
      ...candidate,
      id: newId(),
      text: changed,
      origin: "edit",
      at: Date.now(),
      unfinished: false,
      editedFrom: candidate.id,
      score: undefined,
    };
    const now = fills.value.find(({ id }) => id === fill.id) ?? fill;
    const at = now.candidates.findIndex(({ id }) => id === candidate.id);
    saveFill({ ...now, candidates: now.candidates.toSpliced(at + 1, 0, own) });
    void judge(fill.id);
  };
  return (
    <div class="stack">
      <textarea
        ref={area}
        rows={7}
        aria-label={t.value.write.editLabel}
        value={text.value}
        onInput={(event) => (text.value = event.currentTarget.value)}
        onKeyDown={(event) => {
          if (event.key === "Escape") onDone();
          if (event.key === "Enter" && (event.metaKey || event.ctrlKey)) done();
        }}
      />
      <div class="row">
        <button onClick={done}>{t.value.write.editDone}</button>
        <button class="quiet" onClick={onDone}>
          {t.value.app.cancel}
        </button>
      </div>
    </div>
  );
}
