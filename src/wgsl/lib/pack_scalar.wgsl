// A head's channels one at a time, for head sizes that are no multiple of 4: slower, with the same code around it. A
// line of the cache is a whole number of words, so that two positions never share one.
alias Pack = f32;
const PACK: u32 = 1u;
const LINE: u32 = (HS + PER_WORD - 1u) / PER_WORD * PER_WORD;
fn pack_dot(a: Pack, b: Pack) -> f32 { return a * b; }
fn pack_widen(a: Pack) -> vec4f { return vec4f(a, 0.0, 0.0, 0.0); }
fn pack_narrow(a: vec4f) -> Pack { return a.x; }

fn key_at(i: u32) -> Pack { return stored(keys[i / PER_WORD], i); }
fn value_at(i: u32) -> Pack { return stored(values[i / PER_WORD], i); }
fn as_kept(x: Pack) -> Pack { return stored(word_of(vec2f(x, 0.0)), 0u); }
// The first channel of a word brings the next one along.
fn keep(to: u32, key: u32, value: u32, c: u32) {
  if (c % PER_WORD != 0u) { return; }
  var next = vec2f();
  if (PER_WORD > 1u && c + 1u < HS) { next = vec2f(qkv[key + c + 1u], qkv[value + c + 1u]); }
  keys[(to + c) / PER_WORD] = word_of(vec2f(qkv[key + c], next.x));
  values[(to + c) / PER_WORD] = word_of(vec2f(qkv[value + c], next.y));
}
