// Gradients are those of the loss times a power of two, which keeps small ones above the smallest f16 (Micikevicius et
// al. 2018, "Mixed Precision Training", 3.2).
fn loss_scale() -> f32 { return scaling[0]; }
