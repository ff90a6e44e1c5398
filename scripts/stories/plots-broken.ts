// Plots about things that break or run out: a toy, a bridge, a garden's water, something missing from the kitchen.
import { thing, things } from "./world.ts";
import type { Plot } from "./plot.ts";

export const BROKEN: Plot = {
  name: "broken",
  themes: ["honesty", "patience", "teamwork", "kindness", "sharing"],
  loves: ["to build things out of wood", "{games and races|races}", "to make things"],
  items: [
    thing("cart", { broke: "one wheel {broke|came off}" }),
    thing("boat", { a: "a small boat", broke: "the mast {broke|snapped} in two" }),
    thing("sled", { broke: "one side {broke|split}" }),
    thing("drum", { broke: "the frame {broke|split}" }),
    thing("wooden horse", { broke: "one leg {broke|came} off" }),
  ],
  painted: true,
  spots: [
    thing("big race", { at: "at the big race" }),
    thing("spring fair", { at: "at the spring fair" }),
    thing("school show", { at: "at the school show" }),
    thing("village party", { at: "at the village party" }),
  ],
  near: ["the yard", "the garden", "the shed"],
  tools: [
    things("nails", {
      a: "a hammer and some nails",
      that: "the hammer and the",
      fix:
        "{$doer {took|picked up} the hammer and put in the nails, one after the other.|Knock, knock, went " +
        "$doer's hammer, until the last nail was in.}",
    }),
    thing("glue", {
      a: "a pot of glue",
      that: "the pot of",
      fix:
        "{$doer put glue on both parts and {pressed|held} them together.|$doer {spread|painted} the glue on " +
        "with care and held the parts tight.}",
    }),
    thing("wire", {
      a: "some strong wire",
      that: "the rest of the",
      fix:
        "{$doer {wound|turned} the wire around the broken part {five|ten} times.|With the wire, $doer tied the " +
        "parts {tight|together}.}",
    }),
    thing("saw", {
      a: "a saw and a new piece of wood",
      that: "the",
      fix:
        "{$doer cut the new piece with the saw until it was just right.|Back and forth went $doer's saw, and " +
        "the new piece fit well.}",
    }),
  ],
  turns: ["rain", "fog", "wind"],
  settingOut: [
    "{All week|For many days}, {$hero and $friend|the two friends} {worked|were busy} in $near.",
    "They were making $item.a, {and it was almost {done|ready}|because they wanted to win a prize}.",
    "They wanted to show {it|the $item} $spot.at.",
    `?{"It is the best $item in the world," said $friend.|"{We will win|Everyone will look at us}!" said $friend.}`,
    "?$hero {painted|cleaned} it {twice|with great care}.",
    "?{Then they waited for the day to come.|There was only one day left.}",
  ],
  trouble: [
    "{But on the morning of|On the way to} the $spot, $hero {slipped and fell|did not look and fell}, and the " +
      "$item hit {a stone|the ground}.",
    "{There was a loud crack|Crack}, and $item.broke.",
    "?{$hero picked it up and could not say a word.|$friend's mouth fell open.|They looked at the {parts|poor " +
      "$item} for a long time.}",
    "@trouble",
    "[turn]$turn.starts.",
    `?{"It begins in {one hour|two hours}," said $friend.|"Without it we cannot go," said $friend.}`,
  ],
  need:
    "{The $item was broken, and the $spot would {not wait|begin soon}.|They had to mend the $item before the " +
    "$spot.|A broken $item was no good $spot.at.}",
  ask:
    `{"Our $item is broken," said $hero. "Can {we mend it|you help us}?"|"We need to mend our $item before the ` +
    `$spot," said $hero.}`,
  back: "the $item",
  result: [
    "{The $item was as good as new.|Now the $item was {whole|strong} again.|When it was done, the $item " +
      "{looked|was} better than before.}",
    "?{They ran and came {just in time|to the $spot in time}.|They were not too late.}",
  ],
  end:
    "{$spot.at, everyone {looked at|liked} the $item, and $hero told them that $finder had mended it.|The $item " +
    "won {a prize|second prize} $spot.at, because $doer had mended it so well.|Thanks to $doer, they could show " +
    "the $item $spot.at.}",
};

export const BRIDGE: Plot = {
  name: "bridge",
  themes: ["courage", "patience", "teamwork", "kindness", "sharing"],
  loves: ["to visit $hero.his grandfather", "{long|} walks by the water", "to make presents"],
  items: [thing("cake"), thing("basket of pears"), thing("pot of soup"), thing("jar of honey"), thing("warm scarf")],
  spots: [thing("river"), thing("stream"), thing("creek"), thing("canal")],
  near: ["$friend's aunt", "the old shepherd", "the sick neighbor", "their old teacher"],
  tools: [
    thing("boat", {
      a: "a little boat",
      fix: "{$doer rowed the boat {slowly|carefully} to the other side.|$doer took the oars and rowed across.}",
    }),
    thing("board", {
      a: "a long board",
      fix:
        "{$doer laid the board over the water and went across first.|$doer pushed the board over the water, and " +
        "they walked across.}",
    }),
    thing("raft", {
      fix: "{$doer pushed the raft over with a long stick.|They sat down on the raft, and $doer pushed it across.}",
    }),
    thing("horse", {
      a: "a brown horse",
      fix:
        "{$doer rode the horse through the water{ and held on tight|}.|$doer led the horse, and it carried them " +
        "through the water.}",
    }),
  ],
  turns: ["rain", "fog", "wind"],
  settingOut: [
    "One {morning|Sunday|day}, $hero {made|packed} $item.a for $near.",
    `?{"That will make {everyone|us} {happy|glad}," said $friend.|"May I come too?" asked $friend.|"It is a long ` +
      `way," said $hero's mother. "Be careful."}`,
    "$hero carried the $item, and $friend {went|walked} {along|with $hero.him}.",
    "?{It had rained for {three|many} days, but now it was dry.|The birds sang, and they {sang too|walked fast}.}",
    "The house was on the other side of the $spot.",
  ],
  trouble: [
    "{But when they came to the $spot|At the $spot}, {the bridge was gone|there was no bridge any more}.",
    "?{The water had {carried|washed} it away.|Only a few stones were left.}",
    "?The $spot was {deep|wide} and {fast|cold}, and they could not {swim|get} across.",
    "@trouble",
    "[turn]$turn.starts.",
    `?{"And the $item?" asked $friend.|"We cannot go back with the $item," said $friend.}`,
  ],
  need:
    "{There was no bridge, and the $item had to get over the $spot.|To bring the $item over the $spot, they " +
    "needed {help|another way}.|Without a bridge, they could not cross the $spot.}",
  ask:
    `{"The bridge is gone," said $hero. "How can we cross the $spot?"|"We have to bring {this|a} $item over the ` +
    `$spot," said $hero. "Can you help us?"}`,
  back: "the $spot",
  result: [
    "{The $item stayed dry.|The $item got across safe and dry.|Soon they were on the other side, and the $item " +
      "with them.}",
    "?{The door opened at once.|They ran the rest of the way.}",
  ],
  end:
    "{The $item {was just right|came just in time}, and $hero told how $finder had {brought|got} them over the " +
    "$spot.|$near was so happy about the $item, and {shook|took} $doer's $doer.hand.|The $item stood on the table, " +
    "and $hero told three times how $finder had crossed the $spot.}",
};

export const GARDEN: Plot = {
  name: "garden",
  themes: ["patience", "teamwork", "kindness", "sharing"],
  loves: ["to work in the garden", "green and growing things", "to dig in the earth"],
  items: [things("beans"), things("pumpkins"), things("roses"), things("carrots"), things("sunflowers")],
  spots: [
    thing("well", { dry: "the well {was empty|had run dry}" }),
    thing("pump", { dry: "the pump {was broken|gave no more water}" }),
    thing("rain barrel", { dry: "the rain barrel {was empty|had a hole}" }),
  ],
  usedUp: true,
  near: ["behind the house", "by the garden wall", "next to the gate"],
  tools: [
    thing("bucket", {
      a: "a big bucket",
      fix:
        "{$doer carried the bucket from the pond {ten|twenty} times.|From the pond to the garden and back went " +
        "$doer with the bucket.}",
    }),
    thing("hose", {
      a: "a long hose",
      fix:
        "{$doer put one end of the hose in the pond, and water ran out of the other.|$doer laid the hose from " +
        "the pond to the garden, and the water came.}",
    }),
    thing("water cart", {
      fix:
        "{$doer filled the water cart at the pond and pulled it to the garden.|$doer pulled the water cart " +
        "{slowly|carefully} from the pond.}",
    }),
    thing("spade", {
      fix:
        "{$doer took the spade and dug a little ditch from the pond to the garden.|With the spade, $doer dug " +
        "and dug until water from the pond ran in.}",
    }),
  ],
  turns: [],
  settingOut: [
    "In {spring|April|May}, {$hero and $friend|the two friends} {planted|put} $item $near.",
    "?{Every morning they looked for the first {green|leaves}.|They pulled out every weed.|They put a little fence " +
      "around them.}",
    "They gave them water from the $spot {every day|every evening}.",
    "?{Soon the $item {grew|were} taller than $friend's $friend.hand.|The $item came up, small and green.}",
    `?{"They will be the best $item of all," said $hero.|"I can see them grow," said $friend.}`,
  ],
  trouble: [
    "{Then came a hot summer|But then it did not rain for weeks}, and one day $spot.dry.",
    "The $item {hung their heads|turned yellow|began to dry up}.",
    "?{The earth was {hard|dry} as stone.|$hero touched a leaf, and it broke.}",
    "@trouble",
    `?{"If they get no water, they will die," said $friend.|"They are so thirsty," said $friend.}`,
  ],
  need:
    "{No water came from the $spot, and the $item were dying.|The $item needed water, but there was none in " +
    "the $spot.|Without the $spot, they had to find {another way|help} to save the $item.}",
  ask:
    `{"Our $item are dying," said $hero. "{How can we bring them water|Can you help us}?"|"There is no water in ` +
    `our $spot," said $hero. "What can we do for the $item?"}`,
  back: "the garden",
  result: [
    "{The $item drank and drank.|The water went down to the roots of the $item.|All the $item got {enough|plenty " +
      "of} water.}",
    "{The next morning they stood up {straight|green} again.|After a few days they {were green|grew} again.}",
  ],
  end:
    "{In autumn the $item were big and {beautiful|strong}, and $doer, who had saved them, was {proud|glad}|The " +
    "$item grew bigger than ever, because $doer had brought them water.|Everyone who came by looked at the $item " +
    "that $doer had saved.}",
};

export const KITCHEN: Plot = {
  name: "kitchen",
  themes: ["patience", "teamwork", "kindness", "sharing"],
  loves: ["to cook", "{sweet things|everything sweet}", "to help in the kitchen"],
  items: [thing("birthday cake"), thing("apple tart"), thing("big pudding"), thing("nut bread"), thing("berry pie")],
  spots: [
    thing("party", { at: "for the party" }),
    thing("feast", { at: "for the feast" }),
    thing("birthday", { at: "for the birthday" }),
    thing("visit", { at: "for the visit" }),
  ],
  near: ["$friend's sister", "$hero's mother", "$hero's grandmother", "the new teacher"],
  tools: [
    things("eggs", {
      a: "six fresh eggs",
      fix:
        "{$doer broke the eggs into the bowl, one by one, and stirred.|Crack, crack, went the eggs, and $doer " +
        "stirred them in.}",
    }),
    thing("flour", {
      a: "a bag of flour",
      fix:
        "{$doer poured in the flour and stirred until $doer.his arm was tired.|A white cloud rose when $doer " +
        "poured the flour into the bowl.}",
    }),
    thing("butter", {
      a: "some yellow butter",
      fix:
        "{$doer cut the butter into small bits and stirred them in.|$doer let the butter melt and poured it " +
        "into the bowl.}",
    }),
    thing("milk", {
      a: "a can of milk",
      fix: "{$doer poured the milk into the bowl and did not spill a drop.|Slowly $doer stirred the milk in.}",
    }),
  ],
  usedUp: true,
  turns: ["rain", "snow", "wind"],
  settingOut: [
    "{One day|One morning|On Saturday}, {$hero and $friend|the two friends} wanted to {make|bake} $item.a.",
    "It was $spot.at of $near.",
    "?{They put on white aprons and washed their $hero.hands.|$hero read the book, and $friend set out the bowls.}",
    `?{"It has to be the best one ever," said $hero.|"{I will stir|Let me stir}!" {cried|said} $friend.|"Nobody ` +
      `may know," said $friend. "It is a secret."}`,
    "?They made a fire in the stove and {sang|laughed}.",
  ],
  trouble: [
    "{But when|When} {$hero|they} looked on the shelf, there $tool.was {no $tool left|not enough $tool}.",
    "?{They looked {in every box|everywhere}.|The cat had {been there first|knocked it down}, and the floor was a " +
      "mess.}",
    "Without $tool they could not make the $item $spot.at.",
    "@trouble",
    "[turn]$turn.starts.",
    `?{"And the shop is closed," said $friend.|"There are only two hours left," said $friend.}`,
  ],
  need:
    "{They needed $tool for the $item, and they needed it {fast|soon}.|There could be no $item without " +
    "$tool.|The bowl for the $item stood there, and the $tool $tool.was still missing.}",
  ask:
    `{"We need $tool for our $item," said $hero. "Do you have some?"|"We are making our $item $spot.at," said ` +
    `$hero, "and we have no $tool."}`,
  back: "the kitchen",
  result: [
    "{The $item went into the oven, and soon it smelled {so good|wonderful}.|An hour later, the $item was " +
      "{ready|golden brown}.|Then they put the $item in the oven and waited.}",
    "?{Nobody was allowed to {look|touch it}.|$other cleaned the kitchen.}",
  ],
  end:
    "{Everyone {loved|liked} the $item, and $doer, who had done the most, {was proud|smiled}.|The $item was " +
    "{cut|eaten} {to the last bit|in a minute}, and $doer got the first piece.|$near tried the $item and gave " +
    "$doer a {kiss|hug}.}",
};
