// dx (+)= rstd * (g - mean_c(g) - xhat * mean_c(g * xhat)), with g = dy * weight, xhat = (x - mean) * rstd. Constants:
// C, ACCUMULATE.

fn row_count() -> u32 { return params.rows; }

fn row_main(n: u32, lane: u32, lanes: u32) {
  let row = n * C;
  let mean = stats[n].x;
  let rstd = stats[n].y;
  var sum_g = 0.0;
  var sum_gx = 0.0;
  for (var c = lane; c < C; c += lanes) {
    let g = f32(dy[row + c]) * weight[c];
    sum_g += g;
    sum_gx += g * (x[row + c] - mean) * rstd;
  }
  let mean_g = row_sum(sum_g, lane) / f32(C);
  let mean_gx = row_sum(sum_gx, lane) / f32(C);
  for (var c = lane; c < C; c += lanes) {
    let xhat = (x[row + c] - mean) * rstd;
    var d = rstd * (f32(dy[row + c]) * weight[c] - mean_g - xhat * mean_gx);
    if (ACCUMULATE) { d += dx[row + c]; }
    dx[row + c] = d;
  }
}
