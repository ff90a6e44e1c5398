// Row kernels, one subgroup a row: reductions without workgroup memory or barriers. On software adapters this is 10 to
// 20 times faster than the other rows_*.wgsl, and on GPUs right for many rows. Constant: WG_SIZE. The operation
// provides row_count() and row_main(). Any subgroup size is right: the subgroups of the grid stride over the rows
// together.
enable subgroups;
diagnostic(off, subgroup_uniformity);

fn row_sum(value: f32, lane: u32) -> f32 { return subgroupAdd(value); }
fn row_max(value: f32, lane: u32) -> f32 { return subgroupMax(value); }
fn row_max_u32(value: u32, lane: u32) -> u32 { return subgroupMax(value); }

@compute @workgroup_size(WG_SIZE)
fn main(@builtin(workgroup_id) workgroup: vec3u, @builtin(num_workgroups) grid: vec3u, @builtin(local_invocation_index) local: u32,
        @builtin(subgroup_invocation_id) lane: u32, @builtin(subgroup_size) lanes: u32) {
  let per_group = WG_SIZE / lanes;
  let first = linear_workgroup(workgroup, grid) * per_group + local / lanes;
  for (var n = first; n < row_count(); n += per_group * grid.x * grid.y) { row_main(n, lane, lanes); }
}
