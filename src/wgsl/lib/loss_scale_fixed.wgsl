// The loss scale stays as it is. See lib/loss_scale_dynamic.wgsl.
fn adapt_loss_scale(finite: bool) -> bool { return false; }
