// Row kernels, all subgroups of a workgroup a row: for rows that are few and long. Constant: WG_SIZE, a power of two.
// Needs lib/subgroup_ids_*.wgsl. The operation provides row_count() and row_main(). Any subgroup size is right.
// A reduction costs one barrier: subgroups reduce in registers, leave a part each, and everyone reduces the parts in
// the same order. Parts go to two halves in turn, so who writes for one reduction cannot overtake who still reads for
// the last.
const ROW_PARTS = WG_SIZE / 4u;       // a subgroup has at least 4 lanes
var<workgroup> row_parts: array<f32, 2u * ROW_PARTS>;
var<workgroup> row_part_keys: array<u32, 2u * ROW_PARTS>;
var<workgroup> row_parts2: array<vec2u, ROW_PARTS>;
var<workgroup> row_parts4: array<vec4f, ROW_PARTS>;
var<workgroup> row_agreed2: vec2u;
var<workgroup> row_agreed4: vec4f;
var<private> row_lanes: u32;          // of a subgroup
var<private> row_half: u32;

fn row_subgroups() -> u32 { return WG_SIZE / row_lanes; }

fn row_sum(value: f32, lane: u32) -> f32 {
  row_half = ROW_PARTS - row_half;
  let part = subgroupAdd(value);
  if (lane % row_lanes == 0u) { row_parts[row_half + lane / row_lanes] = part; }
  workgroupBarrier();
  var total = 0.0;
  for (var i = lane % row_lanes; i < row_subgroups(); i += row_lanes) { total += row_parts[row_half + i]; }
  return subgroupAdd(total);
}

fn row_max(value: f32, lane: u32) -> f32 {
  row_half = ROW_PARTS - row_half;
  let part = subgroupMax(value);
  if (lane % row_lanes == 0u) { row_parts[row_half + lane / row_lanes] = part; }
  workgroupBarrier();
  var largest = part;
  for (var i = lane % row_lanes; i < row_subgroups(); i += row_lanes) {
    largest = max(largest, row_parts[row_half + i]);
  }
  return subgroupMax(largest);
}

fn row_max_u32(value: u32, lane: u32) -> u32 {
  row_half = ROW_PARTS - row_half;
  let part = subgroupMax(value);
  if (lane % row_lanes == 0u) { row_part_keys[row_half + lane / row_lanes] = part; }
  workgroupBarrier();
  var largest = part;
  for (var i = lane % row_lanes; i < row_subgroups(); i += row_lanes) {
    largest = max(largest, row_part_keys[row_half + i]);
  }
  return subgroupMax(largest);
}

// Two maxima, and four sums, at once and in a form that barriers may depend on: one subgroup reduces the parts.
fn row_max2(value: vec2u, lane: u32) -> vec2u {
  let part = subgroupMax(value);
  if (lane % row_lanes == 0u) { row_parts2[lane / row_lanes] = part; }
  workgroupBarrier();
  if (lane < row_lanes) {
    var largest = part;
    for (var i = lane; i < row_subgroups(); i += row_lanes) { largest = max(largest, row_parts2[i]); }
    largest = subgroupMax(largest);
    if (lane == 0u) { row_agreed2 = largest; }
  }
  let agreed = workgroupUniformLoad(&row_agreed2);
  return agreed;
}

fn row_sum4(value: vec4f, lane: u32) -> vec4f {
  let part = subgroupAdd(value);
  if (lane % row_lanes == 0u) { row_parts4[lane / row_lanes] = part; }
  workgroupBarrier();
  if (lane < row_lanes) {
    var total = vec4f();
    for (var i = lane; i < row_subgroups(); i += row_lanes) { total += row_parts4[i]; }
    total = subgroupAdd(total);
    if (lane == 0u) { row_agreed4 = total; }
  }
  let agreed = workgroupUniformLoad(&row_agreed4);
  return agreed;
}

// The sum over the lanes before this one.
fn row_before(value: u32, lane: u32) -> u32 {
  row_half = ROW_PARTS - row_half;
  let part = subgroupAdd(value);
  if (lane % row_lanes == 0u) { row_part_keys[row_half + lane / row_lanes] = part; }
  workgroupBarrier();
  var before = 0u;
  for (var i = lane % row_lanes; i < lane / row_lanes; i += row_lanes) { before += row_part_keys[row_half + i]; }
  return subgroupAdd(before) + subgroupExclusiveAdd(value);
}

// A lane's number follows its subgroup, whichever invocations that has.
@compute @workgroup_size(WG_SIZE)
fn main(@builtin(workgroup_id) workgroup: vec3u, @builtin(num_workgroups) grid: vec3u, invocation: Invocation) {
  row_lanes = min(invocation.lanes, WG_SIZE);
  let lane = subgroup_of(invocation) * row_lanes + invocation.lane;
  for (var n = linear_workgroup(workgroup, grid); n < row_count(); n += grid.x * grid.y) { row_main(n, lane, WG_SIZE); }
}
