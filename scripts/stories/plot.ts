// The frame that all sample stories share. A story has seven paragraphs: opening, setting out, trouble, the way to a
// helper, asking, mending, end. A plot writes what is its own; the way to the helper and back is told here. Each
// paragraph takes up something that only the one before it brought in (the thing, the trouble's place, the tool and its
// owner, who did the deed, the weather, the treat), so what stands in a gap can be read from what follows it.
import type { Entity } from "./grammar.ts";
import type { ThemeName } from "./themes.ts";

/** A tool and how it ends the trouble. `doer` is the one of the two friends who does the deed. */
export type Tool = Entity & { readonly fix: string };

export interface Plot {
  readonly name: string;
  readonly themes: readonly ThemeName[];
  /** What hero loves: "$hero loved ...". */
  readonly loves: readonly string[];
  readonly items: readonly Entity[];
  /** Where the trouble is, or what it is. */
  readonly spots: readonly Entity[];
  readonly tools: readonly Tool[];
  readonly near: readonly string[];
  /** Whether the item may have a color. */
  readonly painted?: boolean;
  /** The tool is used up: nobody brings it back. */
  readonly usedUp?: boolean;
  /** Changes of weather that may come with the trouble (names in TURNS); none: the weather plays no part. */
  readonly turns: readonly string[];
  readonly settingOut: readonly string[];
  readonly trouble: readonly string[];
  /** Opens the paragraph of the way: what they need, and why. */
  readonly need: string;
  /** What hero says to the helper. */
  readonly ask: string;
  /** Where they take the tool. */
  readonly back: string;
  readonly result: readonly string[];
  /** Opens the last paragraph. */
  readonly end: string;
}

export const OPENING: readonly string[] = [
  "{Once there was $hero.a named $hero, who lived $home.|Once upon a time, $hero.a named $hero lived $home.|$hero " +
    "was $hero.a who lived $home.|There was once $hero.a called $hero. $hero.he lived $home.}",
  "{$hero|$hero.he} loved $loves{| more than anything| very much| best of all}.",
  "{$hero.his best friend was $friend.a named $friend.|$hero.he had a good friend, $friend.a called $friend.|Next " +
    "door lived $friend, $friend.a, and the two were best friends.}",
  "?{They did everything together.|They played together every day.|The two were almost never apart.|Where one was, " +
    "the other was not far away.}",
  "?{$friend was {funny|quick} and always had {some new plan|something to say}.|$friend liked {to laugh|to sing} " +
    "and was never {bored|in a bad mood}.|Everyone in the place knew the two {friends|of them}.}",
];

export function way(plot: Plot): string[] {
  return [
    plot.need,
    "[turn]{So they|The two friends} {walked|went|hurried} $turn.walk to $far.",
    "[!turn]{So they|The two friends} {walked|went|ran|hurried} {down the road|along the path|as fast as they " +
      "could|} to $far.",
    "?$far.look",
    "{$helper.full {was at home|was at work|came to the door}.|There they found $helper.full at work.|At the door " +
      "they met $helper.full who {knew them well|was glad to see them}.}",
  ];
}

export function asking(plot: Plot): string[] {
  return [
    "@meeting",
    plot.ask,
    `{$helper {smiled|nodded|thought for a moment} and {gave|handed} them $tool.a.|"{I have|Take} $tool.a," said ` +
      `$helper. "{That will do it|That is what you need|That should help}."|$helper went {inside|away} and came ` +
      `back with $tool.a.}`,
    `[comes]{"$far can wait," said $helper. "I will come with you."|Then $helper.he {put on|took} a coat, left ` +
      `$far and came with them.}`,
    plot.usedUp
      ? `[!comes]{"Come back to $far and tell me how it went," said $helper.|$helper.he had to stay at $far, but ` +
        `$helper.he waved to them.}`
      : `[!comes]{"Bring it back to $far {tonight|when you are done}," said $helper.|$helper.he had to stay at ` +
        `$far, but $helper.he waved to them.}`,
  ];
}

export function mending(plot: Plot): string[] {
  return [
    `[comes]{Together with|With} $helper they {went|walked|came} back to ${plot.back}, {and they had|and they ` +
      `brought} $tool.a with them.`,
    `[!comes]{They|The two friends} {brought|took} $tool.a from $far {back to|to} ${plot.back}.`,
    "$tool.fix",
    "@fix",
    ...plot.result,
    '?{They {all|} {laughed|cheered} and {danced|jumped} for joy.|"{Hurray|We did it}!" they ' +
      '{cried|shouted}.|"{Well done|You did it}, $doer!" {cried|said} $other.}',
    "[turn]$turn.ends.",
    `[treat]{"{Now let us|Now we will} {all|} have $treat," said $other.|"I am hungry," said $other. "{Let us ` +
      `have|Now I want} $treat."|"{Come home with me|Come to my house}," said $other. "We will have $treat."}`,
  ];
}

export function ending(plot: Plot): string[] {
  return [
    plot.end,
    "[turn]$turn.after.",
    ...(plot.usedUp
      ? ["[!comes]?They did not forget to {thank|visit} $helper."]
      : [
          "[!comes]{In the evening they|Later they} brought back $tool.that $tool to $far, and $helper was " +
            "{glad|pleased}.",
        ]),
    "[comes]{$helper {was happy too|laughed and patted them on the back}.|They thanked $helper {for coming|for all " +
      "the help}.}",
    "[treat]{Then they {all|} {sat down and|} had $treat{, and it was a {real|} feast|}.|Everyone got $treat{, and " +
      "nobody went home hungry|}.}",
    "@end",
    "?{That night {they|both of them} slept {very|} well.|They talked about it for a long, long time.|It was a day " +
      "that they would never forget.|And the two stayed friends all their lives.}",
  ];
}
