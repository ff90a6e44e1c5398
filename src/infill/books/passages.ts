// Paragraphs as passages of a size that a writer would ask for. Speeches and paragraphs of one line are joined with
// their neighbours, a line each; a paragraph that is too long is divided between its sentences, and where it can be
// outside of what somebody says. A passage never leaves its run, and so neither its chapter nor the text between two
// breaks.
import { openSpeeches, speechesThatGoOn } from "./speech.ts";
import type { FrameMark } from "./speech.ts";
import type { Paragraph } from "./story.ts";
import { sentenceSpans } from "./sentence-spans.ts";

export interface PassageBounds {
  /** In characters: neighbours are joined until there are so many. */
  readonly minP2: number;
  /** In characters, and in tokens: what would exceed either is divided between sentences. */
  readonly maxP2: number;
  readonly maxTokens: number;
}

export interface Passage {
  readonly text: string;
  /** Line of the file where it begins, from 1. */
  readonly line: number;
  /** Paragraphs that it holds, or holds a part of. */
  readonly paragraphs: number;
  /** Whether it begins or ends inside a paragraph. */
  readonly isPart: boolean;
  /** Whether it begins or ends in the middle of what somebody says. */
  readonly isTorn: boolean;
}

export interface DivideOptions {
  /**
   * Passages may have less than minP2 rather than cut a speech in two, and a run too short for three passages is
   * divided into shorter ones, rather than giving no example.
   */
  readonly shorter: boolean;
  /** The mark of a book that is told inside quotation marks: what stands in those is no speech. */
  readonly frame?: FrameMark | undefined;
}

/** A sentence, with what the way to a passage needs to know of it. */
interface Sentence {
  readonly paragraph: number;
  readonly from: number;
  readonly to: number;
  readonly tokens: number;
  /** The last of its paragraph. */
  readonly ends: boolean;
  /** Whether a passage may well end here: with its paragraph, and not with what announces a speech. */
  readonly closes: boolean;
  /** Whether a passage that ended here would cut a speech in two. */
  readonly tears: boolean;
}

/** Of the tokens that a passage may have: so many are enough, where characters say little (Chinese, Japanese). */
const ENOUGH_TOKENS = 2 / 3;
/** Of minP2: so much is enough where the next speech would be cut in two otherwise. */
const BEFORE_SPEECH = 1 / 2;
/** Shares of a short run's third that are tried one after the other, until it gives three passages. */
const SHORT_RUN = [0.8, 0.6, 0.4, 0.2];

export function passagesOf(
  run: readonly Paragraph[],
  countTokens: (text: string) => number,
  bounds: PassageBounds,
  { shorter, frame }: DivideOptions,
): Passage[] {
  const sentences = sentencesOf(run, countTokens, bounds, frame);
  const leastBeforeSpeech = shorter ? BEFORE_SPEECH : 1;
  let passages = divide(run, sentences, bounds, leastBeforeSpeech);
  if (!shorter || sentences.length < 3) return passages;
  const third = run.reduce((sum, { text }) => sum + text.length, 0) / 3;
  for (const share of SHORT_RUN) {
    if (passages.length >= 3) break;
    passages = divide(run, sentences, { ...bounds, minP2: Math.min(bounds.minP2, Math.floor(third * share)) }, 1);
  }
  return passages;
}

/** Whole paragraphs where nothing can have to be cut inside them. */
function sentencesOf(
  run: readonly Paragraph[],
  countTokens: (text: string) => number,
  { minP2, maxP2, maxTokens }: PassageBounds,
  frame: FrameMark | undefined,
): Sentence[] {
  const goOn = speechesThatGoOn(
    run.map(({ text }) => text),
    frame,
  );
  return run.flatMap(({ text }, paragraph) => {
    const tokens = countTokens(text);
    // Shorter than the room between the bounds: it fits behind whatever is not yet enough.
    const isWhole = (text.length <= maxP2 - minP2 || minP2 <= 1) && text.length <= maxP2 && tokens <= maxTokens;
    const closes = !announcesSpeech(text, run[paragraph + 1]?.text);
    const goesOn = goOn[paragraph]!;
    if (isWhole) return [{ paragraph, from: 0, to: text.length, tokens, ends: true, closes, tears: goesOn }];
    const spans = sentenceSpans(text);
    const open = openSpeeches(
      text,
      spans.map(([, to]) => to),
      frame,
      goOn[paragraph - 1],
    );
    return spans.map(([from, to], i) => ({
      paragraph,
      from,
      to,
      tokens: spans.length === 1 ? tokens : countTokens(text.slice(from, to)),
      ends: i === spans.length - 1,
      closes: closes && i === spans.length - 1,
      tears: i < spans.length - 1 ? open[i]! : goesOn,
    }));
  });
}

/** "And I said--": whether what follows is said there. */
function announcesSpeech(text: string, next = ""): boolean {
  return /[,:;][—–-]{0,2}$/.test(text) || (/[—–-]$/.test(text) && /^\s*(?:["“«‘'„「]|[—–-])/.test(next));
}

function divide(
  run: readonly Paragraph[],
  sentences: readonly Sentence[],
  bounds: PassageBounds,
  leastBeforeSpeech: number,
): Passage[] {
  const passages: Passage[] = [];
  let start = 0;
  while (start < sentences.length) {
    const end = endOfPassage(sentences, start, bounds, leastBeforeSpeech);
    passages.push(passage(run, sentences, start, end));
    start = end + 1;
  }
  return passages;
}

/**
 * Index of the last sentence: the first end of a paragraph that is far enough, else the last sentence that fits and
 * cuts no speech in two, else the last that fits. What begins inside a speech ends with it, so that the next passage is
 * whole.
 */
function endOfPassage(
  sentences: readonly Sentence[],
  start: number,
  { minP2, maxP2, maxTokens }: PassageBounds,
  leastBeforeSpeech: number,
): number {
  let characters = 0;
  let tokens = 0;
  let last = start;
  let lastWhole = -1;
  const beginsInSpeech = start > 0 && sentences[start - 1]!.tears;
  for (let i = start; i < sentences.length; i++) {
    const sentence = sentences[i]!;
    characters += sentence.to - sentence.from + (i > start ? 1 : 0);
    tokens += sentence.tokens + (i > start ? 1 : 0);
    if (i > start && (characters > maxP2 || tokens > maxTokens))
      return sentences[last]!.tears && lastWhole >= 0 ? lastWhole : last;
    const isPossible = !sentence.ends || sentence.closes || minP2 <= 1;
    if (isPossible) last = i;
    if (isPossible && !sentence.tears && beginsInSpeech) return i;
    if (isPossible && !sentence.tears && characters >= leastBeforeSpeech * minP2) lastWhole = i;
    const isEnough = characters >= minP2 || tokens >= ENOUGH_TOKENS * maxTokens;
    if (isEnough && ((sentence.closes && !sentence.tears) || (minP2 <= 1 && sentence.ends))) return i;
  }
  return last;
}

function passage(run: readonly Paragraph[], sentences: readonly Sentence[], start: number, end: number): Passage {
  const first = sentences[start]!,
    last = sentences[end]!;
  const lines: string[] = [];
  for (let i = first.paragraph; i <= last.paragraph; i++) {
    const { text } = run[i]!;
    lines.push(text.slice(i === first.paragraph ? first.from : 0, i === last.paragraph ? last.to : text.length).trim());
  }
  const before = sentences[start - 1];
  return {
    text: lines.join("\n"),
    line: run[first.paragraph]!.line,
    paragraphs: lines.length,
    isPart: before?.paragraph === first.paragraph || !last.ends,
    isTorn: last.tears || (before?.tears ?? false),
  };
}
