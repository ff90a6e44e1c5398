// Beside lib/rows_subgroup.wgsl: every lane of a row puts down a value, then any lane takes up any other's.
var<private> shared_value: vec4f;
fn row_share(value: vec4f, lane: u32) { shared_value = value; }
fn row_take(from_lane: u32) -> vec4f { return subgroupShuffle(shared_value, from_lane); }
