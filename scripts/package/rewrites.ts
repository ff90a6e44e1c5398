// What is put in the place of some words of the sources on their way into the package. Source maps stay true.
import { RolldownMagicString } from "rolldown";
import type { Plugin } from "rolldown";

/** "npx tsx src/train.ts" -> "npx gpt2-webgpu train", in what the programs say. */
export const commandNames = (): Plugin =>
  replacing("command-names", /(?:\btsx )?\bsrc\/([a-z]+)\.ts\b/g, (program) => `gpt2-webgpu ${program}`);

/** `pattern` in the sources -> what `write` makes of its group; undefined leaves it. */
export function replacing(
  name: string,
  pattern: RegExp,
  write: (group: string, id: string) => string | undefined,
): Plugin {
  return {
    name,
    transform: {
      filter: { id: /[/\\]src[/\\].*\.ts$/, code: pattern },
      handler(code, id) {
        const text = new RolldownMagicString(code);
        for (const match of code.matchAll(pattern)) {
          const written = write(match[1], id);
          if (written !== undefined) text.overwrite(match.index, match.index + match[0].length, written);
        }
        return { code: text.toString(), map: text.generateMap({ source: id, hires: true }).toString() };
      },
    },
  };
}
