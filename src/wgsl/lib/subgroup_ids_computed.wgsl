// lib/subgroup_ids_builtin.wgsl for compilers without the language feature subgroup_id: subgroups are taken to hold
// invocations in the order of their local index, as they do on every driver that was tried.
struct Invocation {
  @builtin(local_invocation_index) index: u32,
  @builtin(subgroup_invocation_id) lane: u32,
  @builtin(subgroup_size) lanes: u32,
}

fn subgroup_of(invocation: Invocation) -> u32 { return invocation.index / invocation.lanes; }
