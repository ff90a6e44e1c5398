// Weights, keys and values as f32, a number a word. See lib/stored_f16.wgsl for the other way to keep them.
const PER_WORD: u32 = 1u;

fn stored(word: f32, at: u32) -> f32 { return word; }
fn stored_four(words: vec4f) -> vec4f { return words; }
fn word_of(numbers: vec2f) -> f32 { return numbers.x; }
fn words_of(numbers: vec4f) -> vec4f { return numbers; }
