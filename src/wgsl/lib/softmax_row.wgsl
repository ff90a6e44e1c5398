// Maximum and sum of exp(x - maximum) over the first `columns` logits of row n, in one read (Milakov and Gimelshein
// 2018, "Online normalizer calculation for softmax"). Subtracting the maximum keeps logits of any size finite.
// The kernel provides `logits: array<vec4f>` and params.stride4, params.columns, and a row library row_max and row_sum.
const LOWEST = -3.4e38;

/** Four logits of row n from column 4 * c4 on; columns past the end are LOWEST. */
fn logits_at(n: u32, c4: u32) -> vec4f {
  return select(vec4f(LOWEST), logits[n * params.stride4 + c4], columns_at(c4) < vec4u(params.columns));
}

fn columns_at(c4: u32) -> vec4u { return 4u * c4 + vec4u(0u, 1u, 2u, 3u); }

fn softmax_row(n: u32, lane: u32, lanes: u32) -> vec2f {
  var largest = LOWEST;
  var sum = 0.0;
  for (var c4 = lane; 4u * c4 < params.columns; c4 += lanes) {
    let x = logits_at(n, c4);
    let next = max(largest, max(max(x.x, x.y), max(x.z, x.w)));
    sum = sum * exp(largest - next) + dot(exp(x - next), vec4f(1.0));
    largest = next;
  }
  let row_largest = row_max(largest, lane);
  return vec2f(row_largest, row_sum(sum * exp(largest - row_largest), lane));
}
