// Row kernels, one workgroup a row, reductions through workgroup memory: for devices without subgroups (or where it
// measures faster). Constant: WG_SIZE, a power of two and at least 64. The operation provides row_count() and
// row_main(). A reduction costs two barriers: a few invocations reduce a part each, then everyone reduces the parts.
// The next reduction writes values only when all parts are made, and parts only when everyone has read the last ones.
const ROW_PARTS = WG_SIZE / 8u;
const_assert((WG_SIZE & (WG_SIZE - 1u)) == 0u);
var<workgroup> row_values: array<f32, WG_SIZE>;
var<workgroup> row_parts: array<f32, ROW_PARTS>;
var<workgroup> row_values2: array<vec2u, WG_SIZE>;
var<workgroup> row_parts2: array<vec2u, ROW_PARTS>;
var<workgroup> row_values4: array<vec4f, WG_SIZE>;
var<workgroup> row_parts4: array<vec4f, ROW_PARTS>;
var<workgroup> row_keys: array<u32, WG_SIZE>;
var<workgroup> row_part_keys: array<u32, ROW_PARTS>;
var<workgroup> row_agreed2: vec2u;
var<workgroup> row_agreed4: vec4f;

fn row_sum(value: f32, lane: u32) -> f32 {
  row_values[lane] = value;
  workgroupBarrier();
  if (lane < ROW_PARTS) {
    var part = 0.0;
    for (var i = lane; i < WG_SIZE; i += ROW_PARTS) { part += row_values[i]; }
    row_parts[lane] = part;
  }
  workgroupBarrier();
  var total = 0.0;
  for (var i = 0u; i < ROW_PARTS; i++) { total += row_parts[i]; }
  return total;
}

fn row_max(value: f32, lane: u32) -> f32 {
  row_values[lane] = value;
  workgroupBarrier();
  if (lane < ROW_PARTS) {
    var part = value;
    for (var i = lane; i < WG_SIZE; i += ROW_PARTS) { part = max(part, row_values[i]); }
    row_parts[lane] = part;
  }
  workgroupBarrier();
  var largest = row_parts[0];
  for (var i = 1u; i < ROW_PARTS; i++) { largest = max(largest, row_parts[i]); }
  return largest;
}

fn row_max_u32(value: u32, lane: u32) -> u32 {
  row_keys[lane] = value;
  workgroupBarrier();
  if (lane < ROW_PARTS) {
    var part = value;
    for (var i = lane; i < WG_SIZE; i += ROW_PARTS) { part = max(part, row_keys[i]); }
    row_part_keys[lane] = part;
  }
  workgroupBarrier();
  var largest = row_part_keys[0];
  for (var i = 1u; i < ROW_PARTS; i++) { largest = max(largest, row_part_keys[i]); }
  return largest;
}

// Two maxima, and four sums, at once and in a form that barriers may depend on.
fn row_max2(value: vec2u, lane: u32) -> vec2u {
  row_values2[lane] = value;
  workgroupBarrier();
  if (lane < ROW_PARTS) {
    var part = value;
    for (var i = lane; i < WG_SIZE; i += ROW_PARTS) { part = max(part, row_values2[i]); }
    row_parts2[lane] = part;
  }
  workgroupBarrier();
  if (lane == 0u) {
    var largest = vec2u();
    for (var i = 0u; i < ROW_PARTS; i++) { largest = max(largest, row_parts2[i]); }
    row_agreed2 = largest;
  }
  let agreed = workgroupUniformLoad(&row_agreed2);
  return agreed;
}

fn row_sum4(value: vec4f, lane: u32) -> vec4f {
  row_values4[lane] = value;
  workgroupBarrier();
  if (lane < ROW_PARTS) {
    var part = vec4f();
    for (var i = lane; i < WG_SIZE; i += ROW_PARTS) { part += row_values4[i]; }
    row_parts4[lane] = part;
  }
  workgroupBarrier();
  if (lane == 0u) {
    var total = vec4f();
    for (var i = 0u; i < ROW_PARTS; i++) { total += row_parts4[i]; }
    row_agreed4 = total;
  }
  let agreed = workgroupUniformLoad(&row_agreed4);
  return agreed;
}

// The sum over the lanes before this one.
fn row_before(value: u32, lane: u32) -> u32 {
  row_keys[lane] = value;
  workgroupBarrier();
  if (lane < ROW_PARTS) {
    var part = 0u;
    for (var i = 8u * lane; i < 8u * lane + 8u; i++) { part += row_keys[i]; }
    row_part_keys[lane] = part;
  }
  workgroupBarrier();
  var before = 0u;
  for (var i = 0u; i < lane / 8u; i++) { before += row_part_keys[i]; }
  for (var i = lane - lane % 8u; i < lane; i++) { before += row_keys[i]; }
  workgroupBarrier();
  return before;
}

@compute @workgroup_size(WG_SIZE)
fn main(
  @builtin(workgroup_id) workgroup: vec3u,
  @builtin(num_workgroups) grid: vec3u,
  @builtin(local_invocation_index) lane: u32,
) {
  for (var n = linear_workgroup(workgroup, grid); n < row_count(); n += grid.x * grid.y) { row_main(n, lane, WG_SIZE); }
}
