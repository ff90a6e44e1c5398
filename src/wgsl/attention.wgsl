// out = softmax(q k^T * scale) v with the causal and the padding mask, keys tile by tile, the softmax online (Milakov and
// Gimelshein 2018): sums are rescaled when a larger score appears. A query whose keys are all hidden gives zeros.
@group(0) @binding(0) var<storage, read> qkv: array<vec4f>;           // [B*T, 3, NH, HS]
@group(0) @binding(1) var<storage, read> mask: array<u32>;            // [B, T]
@group(0) @binding(2) var<storage, read_write> out: array<vec4f>;     // [B*T, NH, HS]
@group(0) @binding(3) var<storage, read_write> lse: array<f32>;       // [B, NH, T]

const LOWEST: f32 = -3.0e38;

fn fetch(source: u32, at: u32) -> vec4f { return qkv[at]; }

fn attention_rows(place: Place, span_first: u32, span_end: u32) {
  let queries = qkv_matrix(place, 0u);
  let keys = qkv_matrix(place, 1u);
  let values = qkv_matrix(place, 2u);
  // Loops over rows end at a variable: unrolled they would triple the time to compile on software adapters.
  let rows = min(ROWS, max(params.length, place.first) - place.first);
  let end = min(span_end, params.length);
  var sums: Sums;
  var highest: PerRow;
  var totals: PerRow;
  for (var r = 0u; r < ROWS; r++) { highest[r] = LOWEST; }

  for (var start = 0u; start < end; start += COLUMNS) {
    var tile: Tile;
    multiply(&tile, queries, place.first, keys, start);
    let key = columns_of(start);
    let hidden = hidden_keys(place.b, key);
    var peaks = highest;
    for (var r = 0u; r < rows; r++) {
      let scores = select(tile[r] * params.scale, vec4f(LOWEST), hidden | (key > vec4u(place.first + r)));
      peaks[r] = max(peaks[r], max(max(scores.x, scores.y), max(scores.z, scores.w)));
    }
    team_max(&peaks);
    for (var r = 0u; r < rows; r++) {
      let query = vec4u(place.first + r);
      let weights = select(exp(tile[r] * params.scale - peaks[r]), vec4f(), hidden | (key > query));
      let shrink = exp(highest[r] - peaks[r]);
      highest[r] = peaks[r];
      totals[r] = totals[r] * shrink + weights.x + weights.y + weights.z + weights.w;
      for (var own = 0u; own < OWN; own++) { sums[own * ROWS + r] *= shrink; }
      tile[r] = weights * dropout_factors(place, query, key);
    }
    accumulate(&sums, &tile, values, start, end);
  }

  team_sum(&totals);
  let target_matrix = out_matrix(place);
  for (var r = 0u; r < rows; r++) {
    let seen = totals[r] > 0.0;
    let scale = select(0.0, 1.0 / totals[r], seen);
    let at = line(target_matrix, place.first + r);
    for (var own = 0u; own < OWN; own++) {
      let c = own * TEAM + lane;
      if (c < CHUNKS) { out[at + c] = sums[own * ROWS + r] * scale; }
    }
    if (lane == 0u) { lse[params.lse_at + (place.b * params.heads + place.head) * params.length + place.first + r] = select(0.0, highest[r] + log(totals[r]), seen); }
  }
}
