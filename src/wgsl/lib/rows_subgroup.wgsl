// Row kernels, one subgroup a row: reductions without workgroup memory or barriers. On software adapters this is 10 to
// 20 times faster than the other rows_*.wgsl, and on GPUs right for many rows. Constant: WG_SIZE. Needs
// lib/subgroup_ids_*.wgsl. The operation provides row_count() and row_main(). Any subgroup size is right: the subgroups
// of the grid stride over the rows together.
fn row_sum(value: f32, lane: u32) -> f32 { return subgroupAdd(value); }
fn row_max(value: f32, lane: u32) -> f32 { return subgroupMax(value); }
fn row_max_u32(value: u32, lane: u32) -> u32 { return subgroupMax(value); }

// A workgroup may be smaller than a subgroup, which then has fewer lanes.
@compute @workgroup_size(WG_SIZE)
fn main(@builtin(workgroup_id) workgroup: vec3u, @builtin(num_workgroups) grid: vec3u, invocation: Invocation) {
  let lanes = min(invocation.lanes, WG_SIZE);
  let per_group = WG_SIZE / lanes;
  let first = linear_workgroup(workgroup, grid) * per_group + subgroup_of(invocation);
  for (var n = first; n < row_count(); n += per_group * grid.x * grid.y) { row_main(n, invocation.lane, lanes); }
}
