// What the two forms of attention over a cache share. Constant: HS.
const CHUNKS: u32 = HS / PACK;
const LOWEST: f32 = -3.0e38;             // stands for no score
