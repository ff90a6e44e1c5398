// Token, position and type, which is one of wte's rows: see lib/embedding_row.wgsl. `type_table` is that window of wte
// which may hold it.

// Unsigned: an index before the window wraps to a huge one.
fn type_row(n: u32) -> u32 { return indices[2u * params.all_rows + params.first_row + n] - params.first_type; }

fn type_at_hand(n: u32) -> bool { return type_row(n) < params.types; }

fn with_type(sum: f32, n: u32, c: u32) -> f32 {
  let i = type_row(n) * params.channels + c;
  return sum + stored(type_table[i / PER_WORD], i);
}
