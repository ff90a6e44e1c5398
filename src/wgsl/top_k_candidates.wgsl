// top_k over the candidates that parts of a row gave: a column stands for the id found there.

fn id_of(row: u32, column: u32) -> u32 { return candidates[row * params.stride + column]; }
