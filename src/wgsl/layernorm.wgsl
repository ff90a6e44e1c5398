// y = (x - mean) * rstd * weight + bias over the last dimension, a row for each n. Variance from the shifted row:
// E[x^2] - E[x]^2 cancels when |mean| is large against the spread (0.26 error at mean 1000).
fn row_count() -> u32 { return params.rows; }

fn row_main(n: u32, lane: u32, lanes: u32) {
  let row = n * C;

  var sum = 0.0;
  for (var c = lane; c < C; c += lanes) { sum += x[row + c]; }
  let mean = row_sum(sum, lane) / f32(C);

  var squares = 0.0;
  for (var c = lane; c < C; c += lanes) {
    let d = x[row + c] - mean;
    squares += d * d;
  }
  let rstd = inverseSqrt(row_sum(squares, lane) / f32(C) + EPS);

  for (var c = lane; c < C; c += lanes) { y[row + c] = saved((x[row + c] - mean) * rstd * weight[c] + bias[c]); }
  if (lane == 0u) { stats[n] = vec2f(mean, rstd); }
}
