// Where somebody speaks inside a paragraph, by its quotation marks: a passage should not end in the middle of a speech.
// French dialogue opens with a guillemet or a dash and may close in another paragraph.

const MARKS = /[“”„«»「」『』"‘’']/g;
const OPENING = "“„«「『";
const CLOSING = "”»」』";
const DASH = /^\s*(?:--|[—–-])\s?[^\s—–-]/;
const STOP = /[.,!?;:…—–-]/;
const LETTER = /[\p{L}\p{N}]/u;

/** Whether a speech is open at each of `positions`, which ascend. */
export function openSpeeches(text: string, positions: readonly number[]): boolean[] {
  const state = new Speech(text);
  return positions.map((position) => state.isOpenAt(position));
}

/** Reads a paragraph's marks from left to right, each once. */
class Speech {
  private readonly marks: Iterator<RegExpMatchArray>;
  private next: RegExpMatchArray | undefined;
  private readonly text: string;
  private readonly isGerman: boolean;
  /** Single marks are apostrophes too: they open a speech where the paragraph begins with one, or has no others. */
  private readonly hasSingle: boolean;
  private depth = 0;
  private straight = false;
  private single = false;
  private dash: boolean;

  constructor(text: string) {
    this.text = text;
    this.isGerman = text.includes("„");
    this.hasSingle = /^\s*[‘']/.test(text) || (text.includes("‘") && !/[“"«„]/.test(text));
    this.dash = DASH.test(text);
    this.marks = text.matchAll(MARKS)[Symbol.iterator]();
    this.advance();
  }

  isOpenAt(position: number): boolean {
    for (; this.next && this.next.index! < position; this.advance()) this.read(this.next[0], this.next.index!);
    return this.dash || this.straight || this.single || this.depth > 0;
  }

  private advance(): void {
    const { value, done } = this.marks.next();
    this.next = done ? undefined : (value as RegExpMatchArray);
  }

  private read(mark: string, at: number): void {
    if (mark === '"') this.straight = !this.straight;
    else if (CLOSING.includes(mark) || (this.isGerman && mark === "“")) {
      this.depth = Math.max(0, this.depth - 1);
      this.dash = false;
    } else if (OPENING.includes(mark)) this.depth++;
    else if (this.hasSingle) this.single = this.singleAfter(mark, at);
  }

  private singleAfter(mark: string, at: number): boolean {
    const before = this.text[at - 1] ?? " ";
    const after = this.text[at + 1] ?? " ";
    if (mark !== "‘" && (STOP.test(before) || CLOSING.includes(before)) && !LETTER.test(after)) return false;
    const opens = mark === "‘" || (mark === "'" && !LETTER.test(before));
    return this.single || (opens && !LETTER.test(before) && after !== " ");
  }
}
