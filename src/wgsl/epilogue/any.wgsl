// Epilogue of a product: whichever params.epilogue says, bits 1 bias, 2 gelu_new, 4 residual, in this order. One shader
// for all: what software adapters take seconds to compile is the product, and its epilogue costs little in each form.
// Needs lib/gelu.wgsl.

fn epilogue(value: f32, column: u32, at: u32) -> f32 {
  var y = value;
  if ((params.epilogue & 1u) != 0u) { y += bias[column]; }
  if ((params.epilogue & 2u) != 0u) { y = gelu_new(y); }
  if ((params.epilogue & 4u) != 0u) { y += residual[at]; }
  return y;
}
