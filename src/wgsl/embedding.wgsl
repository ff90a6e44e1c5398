// Token and position, without a type: see lib/embedding_row.wgsl.

fn type_at_hand(n: u32) -> bool { return true; }

fn with_type(sum: f32, n: u32, c: u32) -> f32 { return sum; }
