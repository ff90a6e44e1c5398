// A candidate word by word: each is a button that shows what else the model would have written there, and the text goes
// on from the one that is chosen.
import { useSignal } from "@preact/signals";
import type { JSX } from "preact";
import { useEffect, useRef } from "preact/hooks";
import type { NextWord } from "../../../src/entries/infill.ts";
import { formatPercent, reasonOf, t } from "../i18n/index.ts";
import type { FillRecord } from "../store/records.ts";
import { alternatives, writeOn } from "./work.ts";
import { wordsAndGaps } from "./wishes.ts";

interface Choice {
  readonly at: number;
  readonly word: string;
  readonly words: readonly NextWord[] | undefined;
  readonly failure?: string;
}

export function OtherWord({
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
      if (!signal.aborted) choice.value = { at, word, words: [], failure: reasonOf(error as Error) };
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
              <span class="small soft">{formatPercent(probability)}</span>
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
