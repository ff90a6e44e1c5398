// Damage to files, as disks, networks and people with bad intentions do it: any bytes, and damage that knows the form
// (values in JSON, lines of text, the header of safetensors). Every mutation is a pure function of its random numbers.
import type { Random } from "../src/random.ts";

const CHARACTERS = [
  "\0",
  "\u001b[31m",
  "\u009b",
  "\ufeff",
  "\u2028",
  "\u202e",
  "\u200d",
  "\u00a0",
  "\ud83d\ude00",
  "\r",
  "\n\n\n",
];
const STRINGS: readonly string[] = [
  "",
  "__proto__",
  "constructor",
  "toString",
  "../../etc/passwd",
  "C:\\x",
  "\ud800",
  "\u001b[2J\u0007",
  "[[",
  "]]",
  "[P1]",
  "<|endoftext|>",
  "1e999",
  "-1",
  "0x10",
  "NaN",
  "null",
  "a".repeat(20_000),
  " ".repeat(20_000),
  "\u0301".repeat(5_000),
];
const NUMBERS: readonly number[] = [
  -1,
  0,
  0.5,
  1,
  2,
  7,
  255,
  65536,
  2 ** 31 - 1,
  2 ** 31,
  2 ** 32,
  2 ** 53,
  1e308,
  -1e308,
  1e-310,
];
const RAW_JSON: readonly string[] = [
  "1e999",
  "-",
  "tru",
  "{",
  "[",
  '"',
  "\\u",
  "NaN",
  "1 2",
  `${"[".repeat(5000)}`,
  "[".repeat(100) + "]".repeat(100),
];

type Json = null | boolean | number | string | Json[] | { [key: string]: Json };

/** Damaged bytes of a file called `name`, whose ending says what is known of its form. */
export function mutate(name: string, bytes: Uint8Array, random: Random): Uint8Array {
  let damaged = bytes;
  for (let rounds = 1 + random.below(3); rounds > 0; rounds--) damaged = mutateOnce(name, damaged, random);
  return damaged;
}

function mutateOnce(name: string, bytes: Uint8Array, random: Random): Uint8Array {
  if (random.below(3) === 0) return mutateBytes(bytes, random);
  if (name.endsWith(".safetensors")) return mutateSafetensors(bytes, random);
  const text = new TextDecoder().decode(bytes);
  if (name.endsWith(".json")) return encode(mutateJsonText(text, random));
  if (name.endsWith(".jsonl")) return encode(mutateLines(text, random, (line) => mutateJsonText(line, random)));
  return encode(mutateLines(text, random, (line) => mutateText(line, random)));
}

const encode = (text: string): Uint8Array => new TextEncoder().encode(text);

function mutateBytes(bytes: Uint8Array, random: Random): Uint8Array {
  const at = random.below(bytes.length + 1);
  const length = random.below(Math.min(64, bytes.length - at) + 1);
  switch (random.below(6)) {
    case 0:
      return bytes.slice(0, at);
    case 1:
      return joined(bytes.subarray(0, at), bytes.subarray(at + length));
    case 2:
      return joined(bytes.subarray(0, at), noise(random, 1 + random.below(16)), bytes.subarray(at));
    case 3: {
      const piece = bytes.subarray(at, at + length);
      return joined(
        bytes.subarray(0, at),
        ...Array.from({ length: 1 + random.below(200) }, () => piece),
        bytes.subarray(at),
      );
    }
    case 4:
      return noise(random, random.below(200));
    default: {
      const damaged = bytes.slice();
      for (let flips = 1 + random.below(4); flips > 0 && damaged.length > 0; flips--)
        damaged[random.below(damaged.length)] ^= 1 << random.below(8);
      return damaged;
    }
  }
}

function joined(...pieces: readonly Uint8Array[]): Uint8Array {
  const whole = new Uint8Array(pieces.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const piece of pieces) {
    whole.set(piece, at);
    at += piece.length;
  }
  return whole;
}

const noise = (random: Random, length: number): Uint8Array => Uint8Array.from({ length }, () => random.below(256));

function mutateText(text: string, random: Random): string {
  const at = random.below(text.length + 1);
  const put = random.below(2) === 0 ? random.pick(CHARACTERS) : random.pick(STRINGS);
  switch (random.below(3)) {
    case 0:
      return text.slice(0, at) + put + text.slice(at);
    case 1:
      return text.slice(0, at) + put.repeat(1 + random.below(20)) + text.slice(at);
    default:
      return text.slice(0, at) + text.slice(at + random.below(20));
  }
}

function mutateLines(text: string, random: Random, mutateLine: (line: string) => string): string {
  const lines = text.split("\n");
  const at = random.below(lines.length);
  switch (random.below(4)) {
    case 0:
      lines.splice(at, 1);
      break;
    case 1:
      lines.splice(at, 0, ...Array.from({ length: 1 + random.below(300) }, () => lines[at]));
      break;
    case 2:
      lines.splice(at, 0, lines[random.below(lines.length)]);
      break;
    default:
      lines[at] = mutateLine(lines[at]);
  }
  return lines.join(random.below(8) === 0 ? "\r" : "\n");
}

/** Text of a JSON value with one of its values or keys changed; text damage where it is no JSON (any more). */
function mutateJsonText(text: string, random: Random): string {
  let json: Json;
  try {
    json = JSON.parse(text) as Json;
  } catch {
    return mutateText(text, random);
  }
  const places = placesIn(json);
  if (places.length === 0) return JSON.stringify(oddValue(random));
  const place = random.pick(places);
  const { holder, key } = place;
  const marker = "\u0001here\u0001";
  switch (random.below(7)) {
    case 0:
      if (Array.isArray(holder)) holder.splice(Number(key), 1);
      else delete holder[key];
      break;
    case 1:
      if (Array.isArray(holder)) holder.push(oddValue(random));
      else put({ holder, key: random.pick(STRINGS) }, oddValue(random));
      break;
    case 2: {
      const value = read({ holder, key });
      put(place, random.below(2) === 0 ? [value, value] : { [random.pick(STRINGS)]: value });
      break;
    }
    case 3:
      put(place, structuredClone(read(random.pick(places))));
      break;
    case 4:
      put(place, marker);
      return JSON.stringify(json).replace(JSON.stringify(marker), () => random.pick(RAW_JSON));
    default:
      put(place, oddValue(random));
  }
  return `${random.below(10) === 0 ? "\ufeff" : ""}${JSON.stringify(json)}`;
}

interface Place {
  readonly holder: Json[] | { [key: string]: Json };
  readonly key: string;
}

const read = ({ holder, key }: Place): Json => (holder as Record<string, Json>)[key];

/** By definition, not assignment: a key may be "__proto__". */
function put({ holder, key }: Place, value: Json): void {
  Object.defineProperty(holder, key, { value, enumerable: true, configurable: true, writable: true });
}

function oddValue(random: Random): Json {
  switch (random.below(6)) {
    case 0:
      return random.pick(STRINGS);
    case 1:
      return random.pick([null, true, false]);
    case 2:
      return random.pick([[], {}, [[]], [null], { content: "" }] as Json[]);
    case 3:
      return random.uint32() - 2 ** 31;
    default:
      return random.pick(NUMBERS);
  }
}

/** At most a thousand places, so that a vocabulary does not drown the rest. */
function placesIn(json: Json): Place[] {
  const places: Place[] = [];
  const walk = (value: Json): void => {
    if (typeof value !== "object" || value === null) return;
    const keys = Object.keys(value);
    for (const key of keys.length > 100 ? [...keys.slice(0, 20), ...keys.slice(-20)] : keys) {
      if (places.length >= 1000) return;
      places.push({ holder: value, key });
      walk((value as Record<string, Json>)[key]);
    }
  };
  walk(json);
  return places;
}

/** The header changed as JSON and its length put right, so that what is behind the first checks is reached. */
function mutateSafetensors(bytes: Uint8Array, random: Random): Uint8Array {
  if (bytes.length < 8) return mutateBytes(bytes, random);
  const length = Number(new DataView(bytes.buffer, bytes.byteOffset).getBigUint64(0, true));
  if (length > bytes.length - 8) return mutateBytes(bytes, random);
  const header = encode(mutateJsonText(new TextDecoder().decode(bytes.subarray(8, 8 + length)), random));
  const size = new Uint8Array(8);
  new DataView(size.buffer).setBigUint64(0, BigInt(header.length), true);
  return joined(size, header, bytes.subarray(8 + length));
}
