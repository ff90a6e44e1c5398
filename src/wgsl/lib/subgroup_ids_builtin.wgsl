// Which subgroup of its workgroup an invocation is in, as the device says. Nothing guarantees that subgroups hold
// invocations in the order of their local index, so the number is not computed where it can be asked for.
struct Invocation {
  @builtin(subgroup_id) subgroup: u32,
  @builtin(subgroup_invocation_id) lane: u32,
  @builtin(subgroup_size) lanes: u32,
}

fn subgroup_of(invocation: Invocation) -> u32 { return invocation.subgroup; }
