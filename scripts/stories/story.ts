// Puts a story together: draws who, where, what and which theme, and writes its seven paragraphs. A story is decided by
// its seed words alone.
import { Random } from "../../src/random.ts";
import { paragraph } from "./grammar.ts";
import type { Entity, World } from "./grammar.ts";
import { asking, ending, mending, OPENING, way } from "./plot.ts";
import type { Plot } from "./plot.ts";
import { NOISE, RESCUE, WINTER } from "./plots-animals.ts";
import { BRIDGE, BROKEN, GARDEN, KITCHEN } from "./plots-broken.ts";
import { LOST, NIGHT, STUCK } from "./plots-lost.ts";
import { THEMES } from "./themes.ts";
import type { Theme, ThemeName } from "./themes.ts";
import { drawCast, painted, TREATS, TURNS } from "./world.ts";

const PLOTS: readonly Plot[] = [STUCK, LOST, NIGHT, BROKEN, BRIDGE, GARDEN, KITCHEN, RESCUE, WINTER, NOISE];
const COLORS = ["red", "blue", "green", "yellow", "white", "black"];

export interface Story {
  readonly theme: ThemeName;
  /** Names of everyone in it, main characters first. */
  readonly characters: readonly string[];
  readonly paragraphs: readonly string[];
}

/** What the infilling examples are: data/sample/README.md says what each field means. */
export interface StoryExample {
  readonly p1: string;
  readonly p3: string;
  readonly p2: string;
  readonly meta: { readonly length: "S" | "M" | "L"; readonly theme: string; readonly characters: string };
}

export function writeStory(...seedWords: readonly number[]): Story {
  const random = new Random(...seedWords);
  const plot = random.pick(PLOTS);
  const themeName = random.pick(plot.themes);
  const cast = drawCast(random);
  const friends = random.shuffle([cast.hero, cast.friend]);
  const item = random.pick(plot.items);
  const entities: Record<string, Entity> = {
    ...cast,
    doer: friends[0]!,
    other: friends[1]!,
    // Who did it, as hero tells it: "told how she had found it" where hero did it herself.
    finder: { name: friends[0] === cast.hero ? cast.hero["he"]! : friends[0]!.name },
    item: plot.painted ? painted(item, random.pick(COLORS)) : item,
    spot: random.pick(plot.spots),
    tool: random.pick(plot.tools),
    near: { name: random.pick(plot.near) },
    loves: { name: random.pick(plot.loves) },
    treat: { name: random.pick(TREATS) },
    bag: { name: random.pick(["pocket", "bag"]) },
  };
  const flags = new Set(["comes", "treat"].filter(() => random.float() < 0.5));
  if (plot.turns.length > 0 && random.float() < 0.6) {
    const name = random.pick(plot.turns);
    entities["turn"] = TURNS.find((turn) => turn.name === name)!;
    flags.add("turn");
  }
  const world: World = { entities, flags };
  const theme: Theme = THEMES[themeName];
  const beats = [OPENING, plot.settingOut, plot.trouble, way(plot), asking(plot), mending(plot), ending(plot)];
  const paragraphs = beats.map((steps) =>
    paragraph(withTheme(steps, theme), world, random.pick([0, 0.4, 0.8]), random),
  );
  return { theme: themeName, characters: [cast.hero.name, cast.friend.name, cast.helper.name], paragraphs };
}

/** One example for each paragraph that has both neighbors. */
export function storyExamples(story: Story): StoryExample[] {
  return story.paragraphs.slice(1, -1).map((p2, i) => {
    const named = story.characters.filter((name) => new RegExp(`\\b${name}\\b`).test(p2));
    // "the two friends" names nobody
    const characters = (named.length > 0 ? named : story.characters.slice(0, 2)).join(", ");
    return {
      p1: story.paragraphs[i]!,
      p3: story.paragraphs[i + 2]!,
      p2,
      meta: { length: lengthClass(p2), theme: story.theme, characters },
    };
  });
}

/** S up to 30 words, M up to 45, L beyond. */
export function lengthClass(text: string): "S" | "M" | "L" {
  const words = text.split(" ").length;
  return words <= 30 ? "S" : words <= 45 ? "M" : "L";
}

function withTheme(steps: readonly string[], theme: Theme): string[] {
  return steps.map((step) => (step.startsWith("@") ? theme[step.slice(1) as keyof Theme] : step));
}
