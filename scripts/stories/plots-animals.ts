// Plots about those who need help: a young animal in trouble, animals in the cold, a strange noise in the night.
import { thing, things } from "./world.ts";
import type { Plot } from "./plot.ts";

export const RESCUE: Plot = {
  name: "rescue",
  themes: ["courage", "kindness", "patience", "teamwork"],
  loves: ["all small creatures", "to look after {the weak and the small|others}", "to watch birds and bees"],
  items: [
    thing("lamb", { cry: "a thin cry" }),
    thing("chick", { cry: "a small peep" }),
    thing("calf", { cry: "a sad call" }),
    thing("foal", { cry: "a soft cry" }),
    thing("young swan", { cry: "a lonely call" }),
  ],
  spots: [
    thing("mud hole", { at: "in the mud hole" }),
    thing("ditch", { a: "a deep ditch", at: "in the deep ditch" }),
    thing("hollow", { at: "in the deep hollow" }),
    thing("pit", { at: "in the pit" }),
  ],
  near: ["the brook", "the green field", "the pond", "the hedge"],
  tools: [
    thing("rope", {
      a: "a strong rope",
      fix:
        "{$doer went down on the rope and {picked up|took} the $item.|$doer put the rope around the $item and " +
        "pulled.}",
    }),
    thing("basket", {
      a: "a basket on a string",
      fix:
        "{$doer let the basket down, and the $item {climbed|got} into it.|$doer put some hay in the basket, and " +
        "the $item {came in|climbed in}.}",
    }),
    thing("plank", {
      a: "a wide plank",
      fix:
        "{$doer laid down the plank and walked out to the $item.|$doer put the plank in place, and the $item " +
        "could walk up on it.}",
    }),
    thing("blanket", {
      a: "a thick blanket",
      fix:
        "{$doer put the blanket around the $item and lifted it out.|$doer {threw|laid} the blanket down, " +
        "reached in and took the $item in $doer.his arms.}",
    }),
  ],
  turns: ["rain", "fog", "wind"],
  settingOut: [
    "One {spring|warm|fine} {morning|day}, {$hero and $friend|the two friends} were walking by $near.",
    "There they heard $item.cry.",
    "It was a {tiny|small|little} $item, {all alone|without its mother}.",
    "?{It looked at them with big dark eyes.|It was {wet|cold} and shook all over.}",
    `?{"Where is your mother?" asked $hero.|"Poor {thing|little one}," said $friend.}`,
    "?They {wanted to|tried to} take it home, but it {ran away from them|was shy}.",
  ],
  trouble: [
    "{But the $item {took|went} a step back|The $item ran a few steps|Suddenly the $item slipped} and fell: now it " +
      "sat $spot.at.",
    "?{It cried {and cried|so loud}.|It could not get out again.}",
    "?$hero reached for it, but $hero.his arms were too short.",
    "@trouble",
    "[turn]$turn.starts.",
    `?{"We cannot leave it there," said $friend.|"It will not last long," said $friend. "We must {do something|be ` +
      `quick}."}`,
  ],
  need:
    "{They could not get the $item out {alone|with their $hero.hands}, for it sat {deep|fast} $spot.at.|To " +
    "save the $item, which was stuck $spot.at, they needed help.|The $item was still crying $spot.at when they " +
    "left to get help.}",
  ask:
    `{"A little $item has fallen down," said $hero. "It sits $spot.at."|"Please help us," said $hero. "A $item ` +
    `is $spot.at and cannot get out."}`,
  back: "the $spot",
  result: [
    "{Soon the $item {stood|was} on the grass.|The $item was {free|safe}.|Out came the $item, dirty but {well|safe}.}",
    "?{Then its mother came running over the field.|It gave a happy little {cry|jump}.}",
  ],
  end:
    "{The $item {stayed close to|would not leave} $doer, who had saved it.|$doer had saved the $item, and {its " +
    "mother looked at $doer.him|it never forgot $doer.him}.|Every day after that, the $item came to $doer, who had " +
    "got it out {of the $spot|}.}",
};

export const WINTER: Plot = {
  name: "winter",
  themes: ["kindness", "teamwork", "patience", "sharing"],
  loves: ["winter", "warm evenings by the fire", "birds and beasts of all kinds"],
  items: [
    things("birds", { a: "small birds" }),
    things("hares", { a: "three hares" }),
    things("ducks", { a: "wild ducks" }),
    things("kittens", { a: "two grey kittens" }),
  ],
  spots: [
    thing("gate", { at: "by the gate" }),
    thing("woodpile", { at: "behind the woodpile" }),
    thing("frozen pond", { at: "by the frozen pond" }),
    thing("hedge", { at: "under the hedge" }),
  ],
  near: ["through the snow", "around the house", "to look at the ice"],
  tools: [
    thing("hay", {
      a: "a bag of hay",
      fix: "{$doer made a soft bed out of the hay.|$doer spread the hay {in the shed|in a box} until it was warm.}",
    }),
    things("boards", {
      a: "some old boards",
      fix: "{$doer built a little house out of the boards.|With the boards, $doer made a roof and three walls.}",
    }),
    thing("corn", {
      a: "a sack of corn",
      fix:
        "{$doer threw the corn on the ground, one hand after the other.|$doer put the corn where the snow was " +
        "not so deep.}",
    }),
    thing("blanket", {
      a: "an old wool blanket",
      fix:
        "{$doer laid the blanket in a box and made a nest.|$doer hung up the blanket so that the wind could not " +
        "come in.}",
    }),
  ],
  usedUp: true,
  turns: [],
  settingOut: [
    "{It was the coldest day of the year.|One winter morning, everything was white.|That winter was very long and " +
      "cold.}",
    "{$hero and $friend|The two friends} {put on|took} their {coats|warm caps} and went out $near.",
    "?{Their {steps|feet} made a soft sound in the snow.|They threw snow at one another and laughed.}",
    "Then they saw $item.a $spot.at.",
    `?{"What are they doing here?" asked $friend.|"Look," {said $friend|$friend said softly}. "They are not afraid ` +
      `of us."}`,
  ],
  trouble: [
    "{The $item {did not run away|sat very still}: they were too {cold|weak}.|The poor $item $spot.at were " +
      "{very|so} cold and {thin|hungry}.}",
    "?{All food lay under the snow.|There was ice everywhere.}",
    `?{"They will not live through the night," said $hero.|"Night will be even colder," said $hero.}`,
    "@trouble",
    "?{They had only their {caps|coats}, and that was not enough.|At home there was nothing that they could use.}",
  ],
  need:
    "{The $item $spot.at were so cold that something had to be done.|To save the $item from the cold, they " +
    "needed help.|They could not leave the $item $spot.at.}",
  ask:
    `{"There are $item $spot.at," said $hero. "{They are freezing|They will freeze}."|"What can we do for the ` +
    `$item $spot.at?" asked $hero.}`,
  back: "the $spot",
  result: [
    "{One after the other, the $item came {close|in}.|Soon the $item were {warm|not cold any more}.|The $item {sat " +
      "down|came close} and closed their eyes.}",
    "?{It was a good sight.|The night could come now.}",
  ],
  end:
    "{The $item stayed until spring, and they were never afraid of $doer.|All winter, $doer {went|came} every " +
    "day to see the $item.|When the snow was gone, the $item were strong, thanks to $doer.}",
};

export const NOISE: Plot = {
  name: "noise",
  themes: ["courage", "patience", "teamwork"],
  loves: ["{stories|tales} about ghosts", "secrets", "to look into every corner"],
  items: [
    thing("owl", { a: "a white owl", sound: "a low cry" }),
    thing("cat", { a: "a black cat", sound: "a scratching sound" }),
    thing("puppy", { a: "a brown puppy", sound: "a sad howl" }),
    thing("raven", { a: "an old raven", sound: "a strange knocking" }),
  ],
  spots: [
    thing("cellar", { at: "from the cellar" }),
    thing("attic", { at: "from the attic" }),
    thing("old tower", { at: "from the old tower" }),
    thing("barn", { at: "from the barn" }),
  ],
  near: ["$hero's", "$friend's"],
  tools: [
    thing("key", {
      a: "a rusty key",
      fix:
        "{$doer turned the key, and the door {opened|swung open}.|$doer put the key in the lock and turned it " +
        "{slowly|twice}.}",
    }),
    thing("candle", {
      a: "a long candle",
      fix:
        "{$doer lit the candle, pushed the door and {looked|went} in.|With the candle in $doer.his $doer.hand, " +
        "$doer went in first.}",
    }),
    thing("iron bar", {
      fix:
        "{$doer put the iron bar under the door and pressed, and it {gave way|opened}.|With the iron bar, $doer " +
        "broke the old lock.}",
    }),
    thing("lamp", {
      a: "a bright lamp",
      fix:
        "{$doer lifted the lamp, and its light {fell|shone} into every corner.|$doer carried the lamp through " +
        "the dark door.}",
    }),
  ],
  turns: ["rain", "snow", "fog", "wind"],
  settingOut: [
    "One {dark|stormy|quiet} night, $friend {slept|stayed} at $hero's house.",
    "{They were almost asleep|They were telling stories in bed|The clock struck ten} when they heard $item.sound.",
    "It came $spot.at.",
    `?{"Did you hear that?" {asked|whispered} $friend.|"What was that?" {asked|whispered} $friend.}`,
    "?{There it was again.|They pulled the blanket over their heads.|$hero sat up and listened.}",
  ],
  trouble: [
    "{They took each other by the $hero.hand and went|Step by step they went} to the door of the $spot.",
    "{But the door did not open|It was locked and dark}, and behind it they {still|} heard $item.sound.",
    "?{Two eyes shone through a crack.|Something moved inside.}",
    "@trouble",
    "[turn]$turn.starts.",
    `?{"Maybe it is a ghost," {said|whispered} $friend.|"Who is there?" called $hero, but nobody answered.}`,
  ],
  need:
    "{To {find out|see} who was behind the door of the $spot, they needed help.|Something was in the $spot, " +
    "and they {wanted|had} to know what it was.|In the morning, they {still|} heard $item.sound $spot.at.}",
  ask:
    `{"There is something in the $spot," said $hero. "{We cannot get in.|Can you help us?}"|"We heard ` +
    `$item.sound $spot.at," said $hero. "What can we do?"}`,
  back: "the door of the $spot",
  result: [
    "{It was only $item.a that could not get out!|There sat $item.a, {shut in|hungry and alone}.|$item.a looked at " +
      "them and was more afraid than they were.}",
    "?{They gave it {some water|something to eat}.|It let $doer {touch|stroke} it.}",
  ],
  end:
    "{The $item {stayed|lived} with them from then on, and it {slept|sat} in $doer's room.|They often laughed " +
    "about the ghost that was $item.a, and $doer had {found|freed} it.|Now that $doer had freed the $item, the " +
    "nights were quiet again.}",
};
