// Elementwise kernels: a thread takes 16 elements, a workgroup apart, so that neighbours are loaded together and a
// workgroup is worth its launch (one element a thread is 5 times slower on software adapters). Constant: WG_SIZE.
// The operation provides element_count() and element_main(i).
const ELEMENTS = 16u;

@compute @workgroup_size(WG_SIZE)
fn main(
  @builtin(workgroup_id) workgroup: vec3u,
  @builtin(num_workgroups) grid: vec3u,
  @builtin(local_invocation_index) local: u32,
) {
  let first = linear_workgroup(workgroup, grid) * WG_SIZE * ELEMENTS;
  let end = min(first + WG_SIZE * ELEMENTS, element_count());
  for (var i = first + local; i < end; i += WG_SIZE) { element_main(i); }
}
