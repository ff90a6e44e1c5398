// Where somebody speaks inside a paragraph, by its quotation marks: a passage should not end in the middle of a speech.
// French dialogue opens with a guillemet or a dash and may close in another paragraph; a mark that closes in one
// language opens in another („so“, »so«, ”so”, « so »), which its neighbours tell.

const MARKS = /[“”„«»「」『』"‘’']/g;
const OPENING = "“„«「『";
const CLOSING = "”»」』";
const DASH = /^\s*(?:--|[—–-])\s?[^\s—–-]/;
const STOP = /[.,!?;:…—–-]/;
const LETTER = /[\p{L}\p{N}]/u;
const OPENS_PARAGRAPH = new RegExp(String.raw`^\s*(?:--|["'‘”»—–${OPENING}-])`, "u");
/** Behind text without any mark that opens: one that closes. */
const CLOSES_FIRST = /^[^“"«„「『‘]*?(?:[”»」』]|(?<=\S)"(?!\p{L})|(?<=[.,!?;:…—–-])’(?!\p{L}))/u;
/** A speech that does not begin its later paragraphs with a mark ends within so many. */
const PARAGRAPHS_WITHOUT_MARK = 10;

/** What of a paragraph are the marks of a kind, by the one that opens. */
const FRAMES = {
  "“": /[“”]/g,
  "„": /[„“”]/g,
  '"': /"/g,
  "‘": /[‘’]/g,
  "'": /'/g,
  "«": /[«»]/g,
  "»": /[«»]/g,
  "「": /[「」]/g,
  "—": /^\s*(?:--|[—–-])/g,
} as const;
export type FrameMark = keyof typeof FRAMES;

/** The mark that opens most of the text, by paragraphs that begin with one: of a book told inside quotation marks. */
export function frameOf(paragraphs: readonly string[]): FrameMark | undefined {
  const length = new Map<FrameMark, number>();
  for (const text of paragraphs) {
    const first = DASH.test(text) ? "—" : text.trimStart()[0];
    if (first !== undefined && Object.hasOwn(FRAMES, first))
      length.set(first as FrameMark, (length.get(first as FrameMark) ?? 0) + text.length);
  }
  return [...length].sort(([, a], [, b]) => b - a)[0]?.[0];
}

/**
 * Whether a speech is open at each of `positions`, which ascend; what stands between marks of the frame is none.
 * `goesOn`: one of the paragraph before goes on here, without a mark (see speechesThatGoOn).
 */
export function openSpeeches(text: string, positions: readonly number[], frame?: FrameMark, goesOn = false): boolean[] {
  const state = new Speech(withoutFrame(text, frame), goesOn);
  return positions.map((position) => state.isOpenAt(position));
}

/**
 * Of each paragraph, whether a speech goes on behind it without a sign: it is open at the end, nothing opens where the
 * next begins, and then it closes. (Where each paragraph of a speech opens again, readers see whole paragraphs.)
 */
export function speechesThatGoOn(paragraphs: readonly string[], frame?: FrameMark): boolean[] {
  const goesOn = paragraphs.map(() => false);
  const texts = paragraphs.map((text) => withoutFrame(text, frame));
  for (let i = 0; i + 1 < texts.length; i++) {
    if (goesOn[i] || !new Speech(texts[i]!).isQuotingAt(texts[i]!.length)) continue;
    const end = lastOfSpeech(texts, i);
    for (let at = i; at < end; at++) goesOn[at] = true;
  }
  return goesOn;
}

/** Index of the paragraph that closes what paragraph `from` leaves open; `from` where nothing says so. */
function lastOfSpeech(texts: readonly string[], from: number): number {
  for (let i = from + 1; i < texts.length && i <= from + PARAGRAPHS_WITHOUT_MARK; i++) {
    const text = texts[i]!;
    if (OPENS_PARAGRAPH.test(text)) return from;
    if (CLOSES_FIRST.test(text)) return i;
    if (/[“"«„「『]/.test(text)) return from;
  }
  return from;
}

/** As long as before. */
function withoutFrame(text: string, frame: FrameMark | undefined): string {
  return frame === undefined ? text : text.replace(FRAMES[frame], (marks) => " ".repeat(marks.length));
}

/** Reads a paragraph's marks from left to right, each once. */
class Speech {
  private readonly marks: Iterator<RegExpMatchArray>;
  private next: RegExpMatchArray | undefined;
  private readonly text: string;
  private readonly start: number;
  /** Straight single marks are apostrophes too: they open a speech where the paragraph begins with one. */
  private readonly hasStraightSingle: boolean;
  private depth = 0;
  private straight = false;
  private single = false;
  private dash: boolean;
  /** What was opened in an earlier paragraph is not yet closed. */
  private goesOn: boolean;

  constructor(text: string, goesOn = false) {
    this.goesOn = goesOn;
    this.text = text;
    this.start = text.search(/\S/);
    this.hasStraightSingle = /^\s*'/.test(text);
    this.dash = DASH.test(text);
    this.marks = text.matchAll(MARKS)[Symbol.iterator]();
    this.advance();
  }

  isOpenAt(position: number): boolean {
    return this.isQuotingAt(position) || this.dash;
  }

  /** By a mark, not by the dash at the beginning alone. */
  isQuotingAt(position: number): boolean {
    for (; this.next && this.next.index! < position; this.advance()) this.read(this.next[0], this.next.index!);
    return this.straight || this.single || this.goesOn || this.depth > 0;
  }

  private advance(): void {
    const { value, done } = this.marks.next();
    this.next = done ? undefined : (value as RegExpMatchArray);
  }

  private read(mark: string, at: number): void {
    if (this.goesOn) this.goesOn = !this.closes(mark, at);
    else if (mark === '"') this.straight = !this.straight;
    else if (OPENING.includes(mark) || CLOSING.includes(mark)) {
      if (this.opens(mark, at)) this.depth++;
      else if (this.depth > 0) this.depth--;
      else this.dash = false;
    } else if (this.depth === 0 && !this.straight) this.single = this.singleAfter(mark, at);
  }

  private opens(mark: string, at: number): boolean {
    const before = this.text[at - 1] ?? " ";
    const isBeforeLetter = LETTER.test(this.text[at + 1] ?? " ");
    if (CLOSING.includes(mark)) return at === this.start || (/\s/.test(before) && isBeforeLetter);
    return this.depth === 0 || isBeforeLetter || !(STOP.test(before) || LETTER.test(before));
  }

  /** Where nothing was opened before it in the paragraph. */
  private closes(mark: string, at: number): boolean {
    return mark === '"' || CLOSING.includes(mark) || (mark === "’" && this.endsSingle(at));
  }

  private endsSingle(at: number): boolean {
    const before = this.text[at - 1] ?? " ";
    return (STOP.test(before) || CLOSING.includes(before)) && !LETTER.test(this.text[at + 1] ?? " ");
  }

  private singleAfter(mark: string, at: number): boolean {
    const before = this.text[at - 1] ?? " ";
    const after = this.text[at + 1] ?? " ";
    if (mark !== "‘" && this.endsSingle(at)) return false;
    const opens = mark === "‘" || (mark === "'" && this.hasStraightSingle && !LETTER.test(before));
    return this.single || (opens && !LETTER.test(before) && after !== " ");
  }
}
