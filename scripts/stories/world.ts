// Who and where: the casts, homes, places and turns of weather that every sample story draws from.
import type { Random } from "../../src/random.ts";
import type { Entity } from "./grammar.ts";

const GIRLS = [
  "Mia",
  "Ann",
  "Lily",
  "Ella",
  "Zoe",
  "Eva",
  "Ruby",
  "Tess",
  "Nora",
  "Ivy",
  "Jane",
  "Rose",
  "Kim",
  "Amy",
  "Meg",
  "Anna",
];
const BOYS = [
  "Tom",
  "Ben",
  "Sam",
  "Max",
  "Leo",
  "Rob",
  "Dan",
  "Pip",
  "Finn",
  "Jack",
  "Hugo",
  "Theo",
  "Jim",
  "Ted",
  "Paul",
  "Ray",
];
const SURNAMES = ["Reed", "Hill", "Stone", "Wood", "Bell", "West", "Lane", "Brown", "King", "Gray"];
const CHILDREN = { she: ["a girl", "a little girl", "a young girl"], he: ["a boy", "a little boy", "a small boy"] };
const ANIMALS = [
  "a mouse",
  "a young fox",
  "a rabbit",
  "a small bear",
  "a hedgehog",
  "a little goat",
  "a squirrel",
  "a mole",
];
const OLD_ANIMALS = ["goat", "turtle", "bear", "badger", "donkey", "beaver"];

/** Fitting adults for a place: what people do there. */
const FAR: readonly { place: string; job: string; look: string }[] = [
  { place: "the mill", job: "miller", look: "The big wheel {turned slowly|went round and round} in the water." },
  { place: "the farm", job: "farmer", look: "{Hens ran|A brown cow stood} in the yard." },
  { place: "the bakery", job: "baker", look: "{It smelled of warm bread|The smell of fresh bread filled the street}." },
  { place: "the old shop", job: "shopkeeper", look: "The shelves were full {of boxes|up to the roof}." },
  { place: "the harbor", job: "sailor", look: "{White boats rocked on the water|Sea birds cried over the boats}." },
  { place: "the forge", job: "smith", look: "{The fire was hot and bright|They could hear the hammer from far away}." },
  { place: "the school", job: "teacher", look: "{The windows were open|The yard was empty and quiet}." },
  { place: "the lighthouse", job: "keeper", look: "It stood {tall and white|high} on the rocks." },
  { place: "the inn", job: "cook", look: "{Smoke came out of the chimney|There was music inside}." },
  { place: "the station", job: "guard", look: "A {long|slow} train was {just leaving|waiting there}." },
];

const HOMES = [
  "in a small house by the sea",
  "in a village near the woods",
  "in a white house on a hill",
  "at the edge of a big town",
  "in a cottage by a lake",
  "in a quiet valley",
  "on a farm by the river",
  "in a little street behind the church",
];

export const TREATS = [
  "apple pie",
  "hot soup",
  "honey cake",
  "warm bread and butter",
  "pancakes",
  "sweet plums",
  "ginger cookies",
  "berry tea",
];

/** A change of weather: it starts in the trouble, lasts on the way, and ends when things are put right. */
export const TURNS: readonly Entity[] = [
  {
    name: "rain",
    starts: "{Then it began to rain|Dark clouds came, and soon it was raining}",
    walk: "{through|in} the rain",
    ends: "{Just then|At last} the rain stopped",
    after: "{The sun came out again|A rainbow stood over the hills|The wet grass shone in the sun}",
  },
  {
    name: "snow",
    starts: "{Then it began to snow|The sky turned grey, and snow began to fall}",
    walk: "through the {deep|soft|white} snow",
    ends: "{Just then|At last} the snow stopped falling",
    after: "{The whole world was white and still|The snow shone in the light}",
  },
  {
    name: "fog",
    starts: "{Then a thick fog came in|A grey fog came up and hid the hills}",
    walk: "through the {thick|grey} fog",
    ends: "{Just then|At last} the fog {lifted|went away}",
    after: "{They could see the hills again|The sky was clear and blue again}",
  },
  {
    name: "wind",
    starts: "{Then the wind grew strong and cold|A cold wind began to blow}",
    walk: "{against|in} the cold wind",
    ends: "{Just then|At last} the wind {died down|grew still}",
    after: "{Not a leaf moved now|The air was warm and still}",
  },
];

type Forms = Readonly<Record<string, string>>;

/** A thing: "the $kite" is written out; `a` is "a kite" and `that` what is brought back: "the". */
export function thing<F extends Forms>(name: string, forms?: F): Entity & F {
  const a = /^[aeiou]/.test(name) ? `an ${name}` : `a ${name}`;
  return { name, a, was: "was", that: "the", ...forms! };
}

/** Several things: "some nails". */
export function things<F extends Forms>(name: string, forms?: F): Entity & F {
  return { name, a: `some ${name}`, was: "were", that: "the", ...forms! };
}

export function painted(entity: Entity, color: string): Entity {
  return { ...entity, a: `a ${color} ${entity.name}` };
}

export interface Cast {
  readonly hero: Entity;
  readonly friend: Entity;
  readonly helper: Entity;
  readonly far: Entity;
  readonly home: Entity;
  /** Somebody met on the way. */
  readonly stranger: Entity;
}

/** Two friends, one a girl and one a boy so that "she" and "he" never mix them up, and the adult whom they go to. */
export function drawCast(random: Random): Cast {
  const animals = random.float() < 0.35;
  const heroIsGirl = random.float() < 0.5;
  const kinds = random.shuffle([...ANIMALS]);
  const friendOf = (girl: boolean, index: number): Entity =>
    person(
      random.pick(girl ? GIRLS : BOYS),
      girl,
      animals ? kinds[index]! : random.pick(girl ? CHILDREN.she : CHILDREN.he),
      animals,
    );
  const hero = friendOf(heroIsGirl, 0),
    friend = friendOf(!heroIsGirl, 1);

  const far = random.pick(FAR);
  const helperIsWoman = random.float() < 0.5;
  const taken = [hero.name, friend.name];
  const helperName = animals
    ? random.pick((helperIsWoman ? GIRLS : BOYS).filter((name) => !taken.includes(name)))
    : `${helperIsWoman ? "Mrs." : "Mr."} ${random.pick(SURNAMES)}`;
  const full = animals ? `${helperName}, the old ${random.pick(OLD_ANIMALS)},` : `${helperName}, the ${far.job},`;
  return {
    hero,
    friend,
    helper: { ...person(helperName, helperIsWoman, "", animals), full },
    far: { name: far.place, look: far.look },
    home: { name: random.pick(HOMES) },
    stranger: animals ? { name: "an old hen" } : { name: "an old woman" },
  };
}

function person(name: string, female: boolean, a: string, animal: boolean): Entity {
  const pronouns = female
    ? { he: "she", him: "her", his: "her", self: "herself" }
    : { he: "he", him: "him", his: "his", self: "himself" };
  return { name, a, ...pronouns, hand: animal ? "paw" : "hand", hands: animal ? "paws" : "hands" };
}
