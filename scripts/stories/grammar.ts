// The little language that the sample stories are written in.
//   {a|b|c}       one of these, chosen at random; may be nested, may be empty
//   $hero         the plain form of an entity of the story; $hero.his another of its forms; forms may hold templates
// too and, at the start of a step (a sentence or two of a paragraph):
//   ?             the step may be left out; how often is the paragraph's `fullness`
//   [flag] [!flag] the step belongs only to stories with, or without, this flag
import type { Random } from "../../src/random.ts";

/** The forms of one person, thing or place; `name` is the plain one. */
export type Entity = Readonly<Record<string, string>> & { readonly name: string };

export interface World {
  readonly entities: Readonly<Record<string, Entity>>;
  readonly flags: ReadonlySet<string>;
}

/** A paragraph: its steps in order, optional ones kept with probability `fullness`. */
export function paragraph(steps: readonly string[], world: World, fullness: number, random: Random): string {
  const sentences: string[] = [];
  for (const step of steps) {
    const [, flag, optional, text] = /^(?:\[(!?\w+)\])?\s*(\?)?([^]*)$/.exec(step)!;
    if (flag && world.flags.has(flag.replace("!", "")) === flag.startsWith("!")) continue;
    if (optional && random.float() >= fullness) continue;
    sentences.push(sentence(text!, world, random));
  }
  return sentences.join(" ");
}

/** One step's text: choices made, entities filled in, spaces tidied, sentences begun with a capital. */
export function sentence(template: string, world: World, random: Random): string {
  const text = expand(template, world, random)
    .replace(/ {2,}/g, " ")
    .replace(/ ([.,!?])/g, "$1")
    .trim();
  return text.replace(/(^"?|[.!?] "?)([a-z])/g, (_, before: string, letter: string) => before + letter.toUpperCase());
}

function expand(template: string, world: World, random: Random): string {
  let text = template;
  for (let choice = innermost(text); choice; choice = innermost(text)) {
    const [whole, options] = choice;
    text = text.slice(0, choice.index) + random.pick(options!.split("|")) + text.slice(choice.index + whole.length);
  }
  return text.replace(/\$(\w+)(?:\.(\w+))?/g, (_, name: string, form = "name") => {
    const value = world.entities[name]?.[form];
    if (value === undefined)
      throw new Error(`expand: cannot fill $${name}.${form} in "${template}": the story has no such form`);
    return /[{$]/.test(value) ? expand(value, world, random) : value;
  });
}

function innermost(text: string): RegExpExecArray | null {
  return /\{([^{}]*)\}/.exec(text);
}
