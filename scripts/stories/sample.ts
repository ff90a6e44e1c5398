// The files of data/sample/ as text, from a seed and two counts; nothing here touches a disk.
import { storyExamples, writeStory } from "./story.ts";
import type { Story } from "./story.ts";

export interface SampleOptions {
  readonly seed: number;
  /** Training examples; whole stories, so up to four more are written. */
  readonly count: number;
  readonly validationCount: number;
}

/** What is committed. */
export const COMMITTED: SampleOptions = { seed: 20, count: 3000, validationCount: 200 };

const TRAIN = 0,
  VALIDATION = 1,
  TEXT = 2;
const TEXT_STORIES = 60;

/** File name -> content. Training and validation share no story: each draws its stories from a stream of its own. */
export function sampleFiles({ seed, count, validationCount }: SampleOptions): Map<string, string> {
  const jsonl = (split: number, examples: number): string => {
    const lines: string[] = [];
    for (let i = 0; lines.length < examples; i++) {
      lines.push(...storyExamples(writeStory(seed, split, i)).map((example) => JSON.stringify(example)));
    }
    return lines.map((line) => `${line}\n`).join("");
  };
  const stories = Array.from({ length: TEXT_STORIES }, (_, i) => writeStory(seed, TEXT, i));
  return new Map([
    ["train.jsonl", jsonl(TRAIN, count)],
    ["validation.jsonl", jsonl(VALIDATION, validationCount)],
    ["stories.txt", stories.map(plainText).join("\n\n")],
  ]);
}

/** Paragraphs a blank line apart. */
function plainText(story: Story): string {
  return `${story.paragraphs.join("\n\n")}\n`;
}
