// A head's channels four at a time: the usual case, a head size that is a multiple of 4. See lib/pack_scalar.wgsl
// for the others. The cache's keys and values are kept as lib/stored_*.wgsl says; index i counts their packs.
alias Pack = vec4f;
const PACK: u32 = 4u;
const LINE: u32 = CHUNKS;                // packs of a line: of one position and head
fn pack_dot(a: Pack, b: Pack) -> f32 { return dot(a, b); }
fn pack_widen(a: Pack) -> vec4f { return a; }
fn pack_narrow(a: vec4f) -> Pack { return a; }

fn key_at(i: u32) -> Pack { return stored_four(keys[i]); }
fn value_at(i: u32) -> Pack { return stored_four(values[i]); }
// As it is read again once it has joined the cache.
fn as_kept(x: Pack) -> Pack { return stored_four(words_of(x)); }
// Chunk c of the key and the value that begin at these places of qkv joins the line that begins at `to`.
fn keep(to: u32, key: u32, value: u32, c: u32) {
  keys[to + c] = words_of(qkv[key + c]);
  values[to + c] = words_of(qkv[value + c]);
}
