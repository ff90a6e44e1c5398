// out[target of group] (+)= sum of the x rows that the group lists, as embedding_backward, where workgroups share: one
// has a group and 4 * WIDTH of its channels, its invocations the group's rows. A row belongs to one group and sums have
// one order, so no atomics and the same bits every time. Constants: ACCUMULATE, WG_SIZE, WIDTH.

@compute @workgroup_size(WG_SIZE)
fn main(
  @builtin(workgroup_id) workgroup: vec3u,
  @builtin(num_workgroups) grid: vec3u,
  @builtin(local_invocation_index) local: u32,
) {
  let id = linear_workgroup(workgroup, grid);
  if (id >= params.groups * params.blocks) { return; }
  let entry = params.groups_at + 3u * (id / params.blocks);
  let target_row = plan[entry + 2u] - params.first_target;
  if (target_row >= params.targets) { return; }
  let end = plan[entry + 1u];
  let c = 4u * WIDTH * (id % params.blocks) + local % WIDTH + WIDTH * vec4u(0u, 1u, 2u, 3u);
  // Four rows at a time: their loads are under way at once.
  var sums = vec4f();
  var i = plan[entry] + local / WIDTH;
  for (; i + 3u * DEPTH < end; i += 4u * DEPTH) {
    let rows = vec4u(plan[i], plan[i + DEPTH], plan[i + 2u * DEPTH], plan[i + 3u * DEPTH]);
    sums += (x_at(rows.x, c) + x_at(rows.y, c)) + (x_at(rows.z, c) + x_at(rows.w, c));
  }
  for (; i < end; i += DEPTH) { sums += x_at(plan[i], c); }
  sums = column_total(sums, local);
  if (local < WIDTH) {
    for (var j = 0u; j < 4u; j++) {
      if (c[j] < params.channels) {
        let at = target_row * params.channels + c[j];
        if (ACCUMULATE) { out[at] += sums[j]; } else { out[at] = sums[j]; }
      }
    }
  }
}

// Four channels of a row; 0 for a row outside the window, which another launch adds.
fn x_at(listed: u32, c: vec4u) -> vec4f {
  let row = listed - params.first_row;
  if (row >= params.rows) { return vec4f(); }
  let at = row * params.channels + min(c, vec4u(params.channels - 1u));
  return vec4f(x[at.x], x[at.y], x[at.z], x[at.w]);
}
