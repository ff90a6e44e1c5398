// Beside lib/rows_workgroup.wgsl: every lane of a row puts down a value, then any lane takes up any other's.
var<workgroup> shared_values: array<vec4f, WG_SIZE>;
fn row_share(value: vec4f, lane: u32) {
  workgroupBarrier();       // what was shared before has been taken
  shared_values[lane] = value;
  workgroupBarrier();
}
fn row_take(from_lane: u32) -> vec4f { return shared_values[from_lane]; }
