// One index for a workgroup whichever way the launch was folded: WebGPU allows 65535 workgroups a dimension, so a
// longer count becomes two dimensions and the last row may run past the end. Every kernel guards its index.
fn linear_workgroup(workgroup: vec3u, grid: vec3u) -> u32 { return workgroup.y * grid.x + workgroup.x; }
