// Where an invocation stands among the subgroups of its workgroup, as the device says. Nothing guarantees that subgroups
// hold invocations in the order of their local index, so the number of a subgroup is not to be computed where it can be
// had. Constant: WG_SIZE.
struct Invocation {
  @builtin(subgroup_id) subgroup: u32,
  @builtin(subgroup_invocation_id) lane: u32,
  @builtin(subgroup_size) lanes: u32,
}

fn subgroup_of(invocation: Invocation) -> u32 { return invocation.subgroup; }
