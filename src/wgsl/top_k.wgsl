// top_k over whole rows: a column is its own id.
fn id_of(row: u32, column: u32) -> u32 { return column; }
