// Row r goes on from row parents[r]: ancestry and mask of the positions before `length` are the parent's, later
// positions belong to row r itself and are visible once written. Keys and values stay where they are. Constant:
// WG_SIZE.

@compute @workgroup_size(WG_SIZE)
fn main(
  @builtin(workgroup_id) workgroup: vec3u,
  @builtin(num_workgroups) grid: vec3u,
  @builtin(local_invocation_index) local: u32,
) {
  let id = linear_workgroup(workgroup, grid) * WG_SIZE + local;
  if (id >= params.rows * params.capacity) { return; }
  let row = id / params.capacity;
  let position = id % params.capacity;
  let source = parents[row] * params.capacity + position;
  new_ancestry[id] = select(row, ancestry[source], position < params.length);
  new_mask[id] = select(1u, mask[source], position < params.length);
}
