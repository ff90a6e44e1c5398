// Plots about things that get away: stuck up high, or lost.
import { thing, things } from "./world.ts";
import type { Plot } from "./plot.ts";

export const STUCK: Plot = {
  name: "stuck",
  themes: ["courage", "patience", "teamwork", "honesty", "kindness", "sharing"],
  loves: ["to play outside", "the wide blue sky", "games in the open air"],
  items: [
    thing("kite", {
      use: "fly the kite",
      away: "a strong wind {took|pulled} the kite {out of $hero.his $hero.hands|away}",
    }),
    thing("ball", { use: "play with the ball", away: "$hero {threw|kicked} the ball much too {hard|high}" }),
    thing("balloon", { use: "play with the balloon", away: "the balloon slipped out of $hero.his $hero.hands" }),
    thing("paper bird", { use: "let the paper bird fly", away: "the wind {caught|picked up} the paper bird" }),
  ],
  painted: true,
  spots: [
    thing("old oak tree", { at: "in the old oak tree" }),
    thing("apple tree", { at: "in the apple tree" }),
    thing("barn roof", { at: "on the barn roof" }),
    thing("stone wall", { at: "on top of the stone wall" }),
    thing("church roof", { at: "on the church roof" }),
  ],
  near: ["the hill", "the field", "the park", "the meadow"],
  tools: [
    thing("ladder", {
      fix:
        "{$doer {climbed|went} up the ladder, step by step, and {took|got} hold of the $item.|$doer put up the " +
        "ladder and climbed all the way to the $item.}",
    }),
    thing("long pole", {
      fix:
        "{$doer {lifted|raised} the pole and pushed the $item until it came loose.|With the long pole, $doer " +
        "gave the $item a push.}",
    }),
    thing("rope", {
      fix:
        "{$doer threw one end of the rope up, and it went around the $item.|$doer {threw|swung} the rope up " +
        "high and pulled at the $item.}",
    }),
    thing("fishing net", {
      fix:
        "{$doer held up the net and {caught|got} the $item in it.|$doer stood on a box and reached for the " +
        "$item with the net.}",
    }),
  ],
  turns: ["rain", "fog", "wind"],
  settingOut: [
    "One {windy|bright|warm|fine} {morning|day|afternoon}, $hero {came|ran} out of the house with $item.a.",
    "?It was a {gift|present} from $hero.his {grandmother|uncle|aunt}.",
    "{$hero and $friend|The two friends} {went|ran|walked} to $near to $item.use.",
    "?$friend {laughed|shouted for joy} and {ran after it|clapped $friend.his $friend.hands}.",
    `?{"{Look how high it goes|Higher, higher}!" {cried|called} $friend.|"{This is fun|Now it is my turn}!" ` +
      `{cried|said} $friend.}`,
    "?{There was nobody else there.|The grass was soft and {green|full of flowers}.|They played {all morning|for a " +
      "long time}.}",
  ],
  trouble: [
    "{But then|Suddenly|All at once} $item.away.",
    "{The $item|It} {flew up and|went over their heads and} {got stuck|stopped} $spot.at.",
    "?$hero jumped as high as $hero.he could, but $hero.he could not reach it.",
    "?$friend threw a {stick|small stone}, but it did not {help|come close}.",
    "@trouble",
    "[turn]$turn.starts.",
    `?{"How will we ever get it down?" asked $friend.|"It is {much|} too high for us," said $friend.}`,
  ],
  need:
    "{The $item was still $spot.at, and they {could not get it down|needed help}.|To get the $item down from " +
    "the $spot, they needed help.|They could not leave the $item $spot.at.}",
  ask:
    `{"Our $item is stuck $spot.at," said $hero. "{Do you have something long|Can you help ` +
    `us}?"|"{Please|Excuse me}, how can we get a $item down from {there|up there}?" asked $hero.}`,
  back: "the $spot",
  result: [
    "{Down came the $item.|The $item came down, {safe and whole|without a scratch}.|Soon the $item was {down|on " +
      "the ground} again.}",
  ],
  end:
    "{$hero {held|had} the $item {tight|in $hero.his $hero.hands} again, and $other thanked $doer.|$doer had " +
    "got the $item down, and everyone was {proud|glad}.|Thanks to $doer, the $item was {safe|back}.}",
};

export const LOST: Plot = {
  name: "lost",
  themes: ["honesty", "patience", "teamwork", "kindness", "sharing"],
  loves: ["{old and shiny|small and shiny} things", "long walks with $hero.his grandmother", "to help at home"],
  items: [
    thing("key", { why: "It opened {an old box|the garden gate}." }),
    thing("ring", { why: "It {was very old|had a small green stone}." }),
    thing("gold coin", { why: "It was {old and worth a lot|bright and heavy}." }),
    thing("bell", { why: "It had a {clear|sweet} sound." }),
    thing("silver spoon", { why: "It {had a flower on it|was only used on Sundays}." }),
  ],
  spots: [
    thing("tall grass", { at: "in the tall grass" }),
    thing("wet sand", { at: "in the wet sand" }),
    thing("dry leaves", { at: "under the dry leaves" }),
    thing("hay", { at: "in the hay" }),
    thing("dark shed", { at: "in the dark shed" }),
  ],
  near: ["the market", "the church", "the lake", "the big house"],
  tools: [
    thing("lamp", {
      fix:
        "{$doer held the lamp low, and something shone {back|in its light}.|In the light of the lamp, $doer saw " +
        "something bright.}",
    }),
    thing("rake", {
      fix:
        "{$doer pulled the rake back and forth until it {touched|hit} something hard.|$doer used the rake {on " +
        "every spot|with care}, and something rang.}",
    }),
    thing("sieve", {
      fix:
        "{$doer shook everything through the sieve until something hard was left.|$doer filled the sieve and " +
        "shook it, again and again, until something rang.}",
    }),
    thing("broom", {
      fix:
        "{$doer swept with the broom, and something {rolled|came} out.|$doer took the broom and swept every " +
        "corner until something rang.}",
    }),
  ],
  turns: ["rain", "fog", "wind"],
  settingOut: [
    "One {morning|day|afternoon}, $hero's grandmother gave $hero.him $item.a.",
    "?$item.why",
    `{"Take {good|} care of it," she said.|"Bring it to {your aunt|your uncle} for me," she said.|"Do not lose ` +
      `it," she said.}`,
    "$hero put the $item in $hero.his $bag and went with $friend {to|along the road to} $near.",
    "?{They sang all the way.|The sun was {warm|high}, and they {ran and jumped|were in no hurry}.|On the way they " +
      "{ran|played} and {laughed|jumped}.}",
    "?{$friend wanted to {hold|see} it too, and $hero let $friend.him.|$hero felt very {grown up|proud}.}",
  ],
  trouble: [
    "{But when|When} they {stopped to rest|came to a gate|sat down}, $hero.his $bag was empty: the $item was gone.",
    `?{$hero looked {again and again|everywhere}, but it was not there.|"{Oh no|It is gone}!" cried $hero.}`,
    "{It had to be somewhere|It must have fallen out|They had played} $spot.at.",
    "@trouble",
    "[turn]$turn.starts.",
    "?They looked and looked, but they {did not see|could not find} it.",
  ],
  need:
    "{The $item was somewhere $spot.at, but they could not see it.|To find the $item $spot.at, they needed " +
    "{help|something better than their $hero.hands}.|They could not find the $item $spot.at {alone|with their bare " +
    "$hero.hands}.}",
  ask:
    `{"We lost {a|my} $item $spot.at," said $hero. "{Can you help us|What can we do}?"|"{Please help us|We need ` +
    `help}," said $hero. "My grandmother's $item is {lost|gone}."}`,
  back: "the $spot",
  result: [
    `{It was the $item!|There it was: the $item!|"The $item!" cried $hero.}`,
    "?{It was a little dirty, but {whole|safe}.|$hero {cleaned it|rubbed it} until it shone.}",
  ],
  end:
    "{$hero brought the $item home and told $hero.his grandmother how $finder had found it.|$doer had found the " +
    "$item, and $hero's grandmother {kissed|hugged} them both.|Now the $item was {safe|back} again, thanks to " +
    "$doer's sharp eyes.}",
};

export const NIGHT: Plot = {
  name: "night",
  themes: ["courage", "patience", "teamwork", "kindness", "sharing"],
  loves: ["the woods", "to be {out in the woods|among the trees}", "to find good things to eat"],
  items: [
    things("berries", { a: "berries" }),
    things("nuts", { a: "nuts" }),
    things("mushrooms", { a: "mushrooms" }),
    things("wild flowers", { a: "wild flowers" }),
  ],
  spots: [
    thing("black pond", { at: "by the black pond" }),
    thing("big rocks", { at: "by the big rocks" }),
    thing("fallen tree", { at: "by the fallen tree" }),
    thing("old bridge", { at: "by the old bridge" }),
  ],
  near: ["the deep woods", "the forest", "the dark valley"],
  tools: [
    thing("lantern", {
      fix:
        "{$doer held the lantern up high, and they could see the path.|The lantern gave a warm light, and $doer " +
        "walked in front.}",
    }),
    thing("map", {
      fix:
        "{$doer looked at the map and found the way, turn by turn.|$doer {read|studied} the map, and it showed " +
        "a short way home.}",
    }),
    thing("horn", {
      fix:
        "{$doer blew the horn three times, and far away their fathers called back.|$doer blew the horn, and " +
        "soon there was an answer from the village.}",
    }),
    thing("compass", {
      fix:
        "{$doer watched the compass and led them always north.|The compass showed north, and $doer {led|took} " +
        "them that way.}",
    }),
  ],
  turns: [],
  settingOut: [
    "One {autumn|cool|fine} {day|afternoon}, {$hero and $friend|the two friends} took a basket and went into $near.",
    "They wanted to {find|look for} $item{ for {dinner|$hero's mother}|}.",
    "?The $item were {everywhere|all around}, and {the basket was soon half full|they picked and picked}.",
    `?{"Here are more!" called $friend{, and ran on|}.|"Just a few more," said $hero{, and they went on|}.}`,
    "?They went deeper and deeper {in|between the trees} and did not look {back|at the sun}.",
  ],
  trouble: [
    "{When the basket was full of $item|When they had enough $item}, {it was getting dark|the sun was almost down}.",
    "{They could not find the path|They had lost their way}, and {now they stood|soon they stood} $spot.at.",
    "?{Every tree looked the same.|Somewhere an owl called.|It was cold, and there was no moon.}",
    "@trouble",
    `{Then, far away, $friend saw a small light.|"{Look|Over there}!" said $friend. "I see a light."|At last they ` +
      `saw a light between the trees.}`,
  ],
  need:
    "{They left the basket $spot.at and went {to|after} the light.|Away from the $spot they went, and the " +
    "light {grew|came closer}.|They were lost, but they had seen a light from the $spot.}",
  ask:
    `{"We are lost," said $hero. "{How do we get home|Can you help us}?"|"We were {looking for|out for} $item ` +
    `and lost our way," said $hero.}`,
  back: "the $spot",
  result: [
    "{The basket with the $item still stood there|They found their basket of $item again}, and {then they|from " +
      "there they} went home.",
    "?{Their mothers stood at the gate.|Soon they saw the {lights|roofs} of home.}",
  ],
  end:
    "{$hero's mother {hugged|kissed} them and heard how $doer had brought them home with the $item.|$doer had " +
    "brought them all home, and the $item with them.|They were home at last with a basket full of $item, and it " +
    "was $doer who had {found the way|led them}.}",
};
