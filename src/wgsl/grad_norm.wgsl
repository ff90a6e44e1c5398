// partial[block] = sum of squares of a block of gradients. A row kernel whose rows are blocks: short sums of short sums
// keep their digits over 10^8 values. No float atomics. Constant: BLOCK4 (vec4s of a block).
struct Params { blocks: u32, count4: u32, first_block: u32 }
@group(0) @binding(0) var<storage, read> grads: array<vec4f>;         // [count4] a window of a flat buffer
@group(0) @binding(1) var<storage, read_write> partial: array<f32>;   // [all blocks]
@group(1) @binding(0) var<uniform> params: Params;

fn row_count() -> u32 { return params.blocks; }

fn row_main(n: u32, lane: u32, lanes: u32) {
  var squares = vec4f();
  for (var i = n * BLOCK4 + lane; i < min((n + 1u) * BLOCK4, params.count4); i += lanes) {
    let g = grads[i];
    squares += g * g;
  }
  let total = row_sum((squares.x + squares.y) + (squares.z + squares.w), lane);
  if (lane == 0u) { partial[params.first_block + n] = total; }
}
