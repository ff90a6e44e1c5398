// The loss scale, scaling[0], is halved where a gradient is not finite, and doubled after params.growth_interval
// updates in which all were, counted in scaling[1], as torch's GradScaler does.
const LARGEST_SCALE = 16777216.0;
const SMALLEST_SCALE = 5.9604644775390625e-8;

// By one invocation, after an update. Returns whether its overflow may be the scale's fault, which is 1 at least.
fn adapt_loss_scale(finite: bool) -> bool {
  let scale = scaling[0];
  let good = select(0.0, scaling[1] + 1.0, finite);
  let grows = good >= params.growth_interval;
  scaling[1] = select(good, 0.0, grows);
  let next = select(scale * 0.5, select(scale, scale * 2.0, grows), finite);
  scaling[0] = clamp(next, SMALLEST_SCALE, LARGEST_SCALE);
  return !finite && scale > 1.0;
}
