// Sums down columns in workgroup memory: a workgroup has WIDTH neighbouring columns, invocation i the column i % WIDTH
// and of its rows every DEPTH-th from i / WIDTH on. Constants: WG_SIZE, WIDTH, powers of two.
const DEPTH = WG_SIZE / WIDTH;           // at least 1, or loops over rows would never end
const_assert(WG_SIZE >= WIDTH && (WG_SIZE & (WG_SIZE - 1u)) == 0u && (WIDTH & (WIDTH - 1u)) == 0u);
var<workgroup> column_parts: array<vec4f, WG_SIZE>;

// Four sums over the invocations of each column, for the first WIDTH of them.
fn column_total(part: vec4f, local: u32) -> vec4f {
  column_parts[local] = part;
  for (var half = WG_SIZE / 2u; half >= WIDTH; half /= 2u) {
    workgroupBarrier();
    if (local < half) { column_parts[local] += column_parts[local + half]; }
  }
  return column_parts[local];
}
