// dq = ds k, with p = exp(score - lse), dp = dout v^T times dropout's factor, ds = p (dp - delta) * scale (Dao et al.
// 2022, "FlashAttention", algorithm 4). Rows are queries, keys go tile by tile as in attention.wgsl.
fn columns_met(b: u32, first: u32, end: u32) -> Span { return keys_seen(b, first, end); }

fn attention_rows(place: Place, columns: Span) {
  let queries = qkv_matrix(place, 0u);
  let keys = qkv_matrix(place, 1u);
  let values = qkv_matrix(place, 2u);
  let gradients = out_matrix(place);
  var sums: Sums;
  for (var start = columns.first; start < columns.end; start += COLUMNS) {
    var scores = Tile();
    var tile = Tile();
    multiply(&scores, queries, place.first, keys, start);
    multiply(&tile, gradients, place.first, values, start);
    let key = columns_of(start);
    let hidden = hidden_keys(place.b, key);
    let segments = segments_of(place.b, key);
    for (var turn = 0u; turn < params.rows; turn++) {
      let query = place.first + turn;
      let unseen = hidden | (key > vec4u(query)) | (segments != vec4u(segment_of(place.b, query)));
      let p = select(exp(scores[0] * params.scale - lse_of(place, query)), vec4f(), unseen);
      next_row(&scores, p);
      let factors = dropout_factors(place, vec4u(query), key);
      next_row(&tile, p * (tile[0] * factors - delta_of(place, query)) * params.scale);
    }
    accumulate(&sums, &tile, keys, start, columns.end);
  }
  store(&sums, queries, place.first);
}
