// dk = ds^T q and dv = (p times dropout's factor)^T dout, with p and ds as in attention_backward_dq.wgsl. Rows are
// keys, the queries that see them go tile by tile: nothing is added across workgroups, so the bits are the same every
// time.
fn columns_met(b: u32, first: u32, end: u32) -> Span { return queries_seeing(b, first, end); }

fn attention_rows(place: Place, columns: Span) {
  let queries = qkv_matrix(place, 0u);
  let keys = qkv_matrix(place, 1u);
  let values = qkv_matrix(place, 2u);
  let gradients = out_matrix(place);
  let end = columns.end;
  var dk: Sums;
  var dv: Sums;
  for (var start = columns.first; start < end; start += COLUMNS) {
    var tile = Tile();
    var weights = Tile();
    multiply(&tile, values, place.first, gradients, start);
    multiply(&weights, keys, place.first, queries, start);
    let query = columns_of(start);
    let query_lse = vec4f(
      lse_of(place, query.x), lse_of(place, query.y), lse_of(place, query.z), lse_of(place, query.w));
    let query_delta = vec4f(
      delta_of(place, query.x), delta_of(place, query.y), delta_of(place, query.z), delta_of(place, query.w));
    let segments = segments_of(place.b, query);
    for (var turn = 0u; turn < params.rows; turn++) {
      let key = place.first + turn;
      let unseen = (query < vec4u(key)) | (query >= vec4u(end)) | vec4<bool>(hidden_key(place.b, key))
        | (segments != vec4u(segment_of(place.b, key)));
      let p = select(exp(weights[0] * params.scale - query_lse), vec4f(), unseen);
      let factors = dropout_factors(place, query, vec4u(key));
      next_row(&tile, p * (tile[0] * factors - query_delta) * params.scale);
      next_row(&weights, p * factors);
    }
    accumulate(&dv, &weights, gradients, start, end);
    accumulate(&dk, &tile, queries, start, end);
  }
  store(&dk, keys, place.first);
  store(&dv, values, place.first);
}
