// What the two forms of attention over a cache share: parameters, bindings, and what stands for no score.

const CHUNKS: u32 = HS / PACK;
const LOWEST: f32 = -3.0e38;
