// The candidates of a gap side by side, while they are written and after: take one, pin it, change it by hand, ask for
// more like it, or go on from one of its words with another.
import { useSignal } from "@preact/signals";
import type { JSX } from "preact";
import { useEffect, useRef } from "preact/hooks";
import type { NextWord } from "../../../src/entries/infill.ts";
import { addressOf } from "../app/route.ts";
import { numbers, percents, t } from "../i18n/index.ts";
import { newId } from "../store/records.ts";
import type { CandidateRecord, FillRecord } from "../store/records.ts";
import { Icon } from "../ui/icon.tsx";
import { accept, activate, activeFill, changeCandidate, dismiss, fills, gaps, saveFill } from "./desk.ts";
import { sharesOf, surprise } from "./shares.ts";
import { alternatives, fillAgain, judge, live, moreLike, shown, stop, working, writeOn } from "./work.ts";
import { wordsAndGaps } from "./wishes.ts";

const tenths = (value: number): string => numbers.value.format(Math.round(10 * value) / 10);
/** A share that is not nothing never looks as if it were. */
const shareText = (value: number): string =>
  value > 0 && value < 0.005 ? `< ${percents.value.format(0.01)}` : percents.value.format(value);

export function Candidates(): JSX.Element {
  const fill = activeFill.value;
  const list = fill ? shown(fill) : [];
  const ordered = [...list].sort((a, b) => Number(b.pinned) - Number(a.pinned));
  const shares = new Map(sharesOf(list.map(({ score }) => score)).map((share, i) => [list[i].id, share]));
  const onward = list.map(({ score }) => score && { score: score.terms.p3, terms: {} });
  const leads = new Map(sharesOf(onward).map((share, i) => [list[i].id, share]));
  const best = [...shares].reduce<string | undefined>(
    (most, [id, share]) => (share !== undefined && share > (most === undefined ? 0 : shares.get(most)!) ? id : most),
    undefined,
  );
  const isWorking = working.value !== undefined && working.value.fill === fill?.id;
  return (
    <section class="candidates" aria-label={t.value.write.viewNames.candidates}>
      <div class="row candidates-head">
        <GapTabs />
        {fill && (
          <>
            {isWorking ? (
              <button class="quiet" onClick={stop}>
                <Icon name="stop" />
                {t.value.write.stop}
              </button>
            ) : (
              <button class="quiet" disabled={working.value !== undefined} onClick={() => fillAgain(fill)}>
                <Icon name="again" />
                {t.value.write.others}
              </button>
            )}
            <button class="quiet" onClick={() => dismiss(fill.id)}>
              <Icon name="close" />
              {t.value.write.closeGap}
            </button>
          </>
        )}
      </div>
      <p class="visually-hidden" role="status">
        {isWorking
          ? t.value.write.writing
          : list.length > 0
            ? t.value.write.written(numbers.value.format(list.length))
            : ""}
      </p>
      {fill && list.length > 0 ? (
        <ul class="cards">
          {ordered.map((candidate, i) => (
            <Card
              key={candidate.id}
              fill={fill}
              candidate={candidate}
              number={i + 1}
              share={shares.get(candidate.id)}
              leads={leads.get(candidate.id)}
              isBest={candidate.id === best}
            />
          ))}
        </ul>
      ) : (
        <p class="soft empty">{t.value.write.noCandidates}</p>
      )}
    </section>
  );
}

/** Where several gaps wait. */
function GapTabs(): JSX.Element | null {
  if (gaps.value.length < 2) return <h2>{t.value.write.viewNames.candidates}</h2>;
  return (
    <div class="row" role="group" aria-label={t.value.write.gaps}>
      {gaps.value.map(({ id }, i) => (
        <button key={id} class="quiet" aria-pressed={activeFill.value?.id === id} onClick={() => activate(id)}>
          {t.value.write.gapNumber(numbers.value.format(i + 1))}
        </button>
      ))}
    </div>
  );
}

interface CardProps {
  readonly fill: FillRecord;
  readonly candidate: CandidateRecord;
  readonly number: number;
  /** Of all, by the whole score; and by how probable it makes what follows alone. */
  readonly share: number | undefined;
  readonly leads: number | undefined;
  readonly isBest: boolean;
}

function Card({ fill, candidate, number, share, leads, isBest }: CardProps): JSX.Element {
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
        <Words fill={fill} text={text} onDone={() => (mode.value = "read")} />
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
  const detail = t.value.write.fitDetail(tenths(surprise(score.terms.p2)), leads === undefined ? "" : shareText(leads));
  return (
    <div class="fit" title={detail}>
      {share !== undefined && (
        <>
          <meter min={0} max={1} value={share} aria-label={t.value.write.fitLabel} />
          <span class="small">
            {shareText(share)}
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

interface Choice {
  readonly at: number;
  readonly word: string;
  readonly words: readonly NextWord[] | undefined;
  readonly failure?: string;
}

/** Each word is a button: what else the model would have written there, and to go on from it. */
function Words({
  fill,
  text,
  onDone,
}: {
  readonly fill: FillRecord;
  readonly text: string;
  readonly onDone: () => void;
}): JSX.Element {
  const choice = useSignal<Choice | undefined>(undefined);
  const asking = useRef<AbortController>(undefined);
  useEffect(() => () => asking.current?.abort(), []);
  const ask = async (at: number, word: string): Promise<void> => {
    asking.current?.abort();
    const { signal } = (asking.current = new AbortController());
    choice.value = { at, word, words: undefined };
    try {
      const words = await alternatives(fill, text.slice(0, at).trimEnd(), signal);
      if (!signal.aborted) choice.value = { at, word, words };
    } catch (error) {
      if (!signal.aborted) choice.value = { at, word, words: [], failure: (error as Error).message };
    }
  };
  const go = (word: string): void => {
    const before = text.slice(0, choice.value!.at).trimEnd();
    onDone();
    writeOn(
      fill,
      `${before}${word.startsWith(" ") || before === "" ? "" : /^[\p{L}\p{N}]/u.test(word) ? " " : ""}${word}`,
    );
  };
  const others = choice.value?.words?.filter(({ text: word }) => word.trim() !== choice.value!.word);
  return (
    <div class="stack">
      <p class="candidate-text words">
        {wordsAndGaps(text).map(({ text: piece, isWord, at }) =>
          isWord ? (
            <button key={at} class="word" aria-pressed={choice.value?.at === at} onClick={() => void ask(at, piece)}>
              {piece}
            </button>
          ) : (
            piece
          ),
        )}
      </p>
      {choice.value ? (
        <div class="alternatives" role="group" aria-label={t.value.write.insteadOf(choice.value.word)}>
          <span class="small soft">{t.value.write.insteadOf(choice.value.word)}</span>
          {choice.value.failure !== undefined && <span class="small bad">{choice.value.failure}</span>}
          {others === undefined && <span class="small soft">{t.value.write.searching}</span>}
          {others?.map(({ text: word, probability }) => (
            <button key={word} onClick={() => go(word)}>
              {word.trim()}
              <span class="small soft">{shareText(probability)}</span>
            </button>
          ))}
          {others && (
            <button class="quiet" onClick={() => go(choice.value!.word)}>
              {t.value.write.goOnAfter(choice.value.word)}
            </button>
          )}
        </div>
      ) : (
        <p class="small soft">{t.value.write.chooseWord}</p>
      )}
    </div>
  );
}
