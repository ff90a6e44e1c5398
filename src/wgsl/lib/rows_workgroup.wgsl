// Row kernels, one workgroup a row: reductions through workgroup memory, for devices without subgroups (or where it measures
// faster). Constant: WG_SIZE, a power of two. The operation provides row_count() and row_main().
var<workgroup> row_scratch: array<f32, WG_SIZE>;
const_assert (WG_SIZE & (WG_SIZE - 1u)) == 0u;

fn row_sum(value: f32, lane: u32) -> f32 {
  row_scratch[lane] = value;
  for (var half = WG_SIZE / 2u; half > 0u; half /= 2u) {
    workgroupBarrier();
    if (lane < half) { row_scratch[lane] += row_scratch[lane + half]; }
  }
  let total = workgroupUniformLoad(&row_scratch[0]);
  return total;
}

fn row_max(value: f32, lane: u32) -> f32 {
  row_scratch[lane] = value;
  for (var half = WG_SIZE / 2u; half > 0u; half /= 2u) {
    workgroupBarrier();
    if (lane < half) { row_scratch[lane] = max(row_scratch[lane], row_scratch[lane + half]); }
  }
  let largest = workgroupUniformLoad(&row_scratch[0]);
  return largest;
}

@compute @workgroup_size(WG_SIZE)
fn main(@builtin(workgroup_id) workgroup: vec3u, @builtin(num_workgroups) grid: vec3u, @builtin(local_invocation_index) lane: u32) {
  for (var n = linear_workgroup(workgroup, grid); n < row_count(); n += grid.x * grid.y) { row_main(n, lane, WG_SIZE); }
}
