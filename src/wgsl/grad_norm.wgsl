// partial[block] = sum of squares of a block of gradients. A row kernel whose rows are blocks: short sums of short sums
// keep their digits over 10^8 values. No float atomics. Constant: BLOCK4 (vec4s of a block).

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
