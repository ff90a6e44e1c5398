// out[target of group] += sum of the x rows that the group lists: the gradient of an embedding table, rows grouped by index.
// A row belongs to one group and a thread walks a group in order, so no atomics and the same bits every time. x and out
// may be windows: rows and targets outside are another launch's. Constants: C, WG_SIZE.
struct Params { groups: u32, groups_at: u32, first_row: u32, rows: u32, first_target: u32, targets: u32 }
@group(0) @binding(0) var<storage, read> x: array<f32>;               // [rows, C]
@group(0) @binding(1) var<storage, read> plan: array<u32>;            // row lists; from groups_at on: [groups, 3] start, end, target
@group(0) @binding(2) var<storage, read_write> out: array<f32>;       // [targets, C]
@group(1) @binding(0) var<uniform> params: Params;

@compute @workgroup_size(WG_SIZE)
fn main(@builtin(workgroup_id) workgroup: vec3u, @builtin(num_workgroups) grid: vec3u, @builtin(local_invocation_index) local: u32) {
  let id = linear_workgroup(workgroup, grid) * WG_SIZE + local;
  let group = id / C;
  let c = id % C;
  if (group >= params.groups) { return; }
  let entry = params.groups_at + 3u * group;
  let target_row = plan[entry + 2u] - params.first_target;
  if (target_row >= params.targets) { return; }
  var sum = 0.0;
  let end = plan[entry + 1u];
  for (var i = plan[entry]; i < end; i++) {
    let n = plan[i] - params.first_row;
    if (n < params.rows) { sum += x[n * C + c]; }
  }
  out[target_row * C + c] += sum;
}
