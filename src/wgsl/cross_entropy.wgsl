// losses[n] = -log softmax(logits[n])[target] and, with GRADIENT, the logits become their own gradient in the same
// pass: (softmax - one-hot) * scale, zero in ignored rows and in the padding columns. Constant: GRADIENT. Needs
// lib/loss_scale_none.wgsl or _kept.wgsl.

const IGNORED = 0xffffffffu;

fn row_count() -> u32 { return params.rows; }

fn row_main(n: u32, lane: u32, lanes: u32) {
  let wanted = targets[params.first_row + n];
  if (wanted == IGNORED) {
    if (GRADIENT) {
      for (var c4 = lane; c4 < params.stride4; c4 += lanes) { logits[n * params.stride4 + c4] = vec4f(); }
    }
    if (lane == 0u) { losses[params.first_row + n] = 0.0; }
    return;
  }
  let softmax = softmax_row(n, lane, lanes);
  // By the lane that will overwrite this very element.
  if (lane == (wanted / 4u) % lanes) {
    losses[params.first_row + n] = log(softmax.y) + (softmax.x - logits[n * params.stride4 + wanted / 4u][wanted % 4u]);
  }
  if (GRADIENT) {
    // exp(x - max) / sum, not exp(x - logsumexp): the latter loses the digits of a large maximum.
    let scale = params.scale * loss_scale();
    let factor = scale / softmax.y;
    for (var c4 = lane; c4 < params.stride4; c4 += lanes) {
      let one_hot = select(vec4f(), vec4f(scale), columns_at(c4) == vec4u(wanted));
      logits[n * params.stride4 + c4] = exp(logits_at(n, c4) - softmax.x) * factor - one_hot;
    }
  }
}
