// What the attention kernels share. A kernel works on blocks of rows (queries, or keys in the gradient of keys and
// values) against tiles of columns; lib/attention_subgroup.wgsl and lib/attention_workgroup.wgsl are two ways to
// multiply them. A team of TEAM invocations makes ROWS rows; every invocation holds four columns of a tile, and some
// channels of the sums. Constants: HS, a multiple of 4, TEAM, WG_SIZE, and PACKED: whether rows hold several segments.
// Loops that end at a constant are unrolled, and software adapters take many times as long to compile them. The loops
// that end at params.rows and params.own work on the first row or chunk and let the others move up: indices stay
// constant, which keeps arrays in registers.
const_assert(HS % 4u == 0u && WG_SIZE % TEAM == 0u);
const BLOCK: u32 = WG_SIZE / TEAM * ROWS;        // rows of a workgroup
const COLUMNS: u32 = 4u * TEAM;                  // of a tile
const CHUNKS: u32 = HS / 4u;                     // of four channels
const OWN: u32 = (CHUNKS + TEAM - 1u) / TEAM;    // chunks whose sums an invocation holds: lane, lane + TEAM, ...
alias Tile = array<vec4f, ROWS>;                 // [row] of the four columns of this invocation
alias Sums = array<Tile, OWN>;                   // [own chunk][row] of four channels

// One head's lines of channels: line i, chunk c is element at + i * stride + c of what fetch() calls `source`.
struct Matrix { source: u32, at: u32, stride: u32 }
const QKV: u32 = 0u;
const DOUT: u32 = 1u;

fn next_sums(sums: ptr<function, Sums>, last: Tile) {
  for (var own = 1u; own < OWN; own++) { (*sums)[own - 1u] = (*sums)[own]; }
  (*sums)[OWN - 1u] = last;
}

struct Place { b: u32, head: u32, first: u32 }

// Sequence, head and first row of a block. The last rows of a sequence see the most columns, so they start first.
fn place_of(block: u32) -> Place {
  let blocks = block_count();
  return Place(block / blocks / params.heads, block / blocks % params.heads, (blocks - 1u - block % blocks) * BLOCK);
}

fn block_count() -> u32 { return (params.length + BLOCK - 1u) / BLOCK; }

// Queries, keys or values (part 0, 1, 2) of a head.
fn qkv_matrix(place: Place, part: u32) -> Matrix {
  let stride = 3u * params.heads * CHUNKS;
  let head = (part * params.heads + place.head) * CHUNKS;
  return Matrix(QKV, params.qkv_at / 4u + place.b * params.length * stride + head, stride);
}

fn out_matrix(place: Place) -> Matrix {
  let stride = params.heads * CHUNKS;
  return Matrix(DOUT, params.out_at / 4u + place.b * params.length * stride + place.head * CHUNKS, stride);
}

// Where a line begins; past the end of the sequence, the last line again, whose products nobody uses.
fn line(matrix: Matrix, i: u32) -> u32 { return matrix.at + min(i, params.length - 1u) * matrix.stride; }

fn hidden_key(b: u32, key: u32) -> bool {
  return params.masked != 0u && mask[params.mask_at + b * params.length + min(key, params.length - 1u)] == 0u;
}

fn hidden_keys(b: u32, keys: vec4u) -> vec4<bool> {
  return vec4<bool>(hidden_key(b, keys.x), hidden_key(b, keys.y), hidden_key(b, keys.z), hidden_key(b, keys.w));
}

// Where PACKED, the mask tells of each token the segment of its row in which it attends: the first place, and times
// 2^16 the place behind the last; 0 is a hidden token. Elsewhere all tokens of a row are of one segment.
fn segment_of(b: u32, i: u32) -> u32 {
  if (!PACKED) { return 0u; }
  return mask[params.mask_at + b * params.length + min(i, params.length - 1u)];
}

fn segments_of(b: u32, i: vec4u) -> vec4u {
  return vec4u(segment_of(b, i.x), segment_of(b, i.y), segment_of(b, i.z), segment_of(b, i.w));
}

// Columns from `first` to before `end`.
struct Span { first: u32, end: u32 }

// The keys that queries from `first` to before `end` may see; behind hidden tokens another segment begins.
fn keys_seen(b: u32, first: u32, end: u32) -> Span {
  if (!PACKED) { return Span(0u, min(end, params.length)); }
  let segment = segment_of(b, first);
  return Span(select(first, segment & 0xffffu, segment != 0u), min(end, params.length));
}

// The queries that may see keys from `first` to before `end`.
fn queries_seeing(b: u32, first: u32, end: u32) -> Span {
  if (!PACKED) { return Span(first, params.length); }
  let last = min(end, params.length) - 1u;
  let segment = segment_of(b, last);
  return Span(first, select(last + 1u, segment >> 16u, segment != 0u));
}

// What dropout multiplies the probabilities of four (query, key) pairs by: 0 or 1 / (1 - probability).
fn dropout_factors(place: Place, queries: vec4u, keys: vec4u) -> vec4f {
  if (params.drop_below == 0u) { return vec4f(1.0); }
  let sequence = (params.first_sequence + place.b) * params.heads + place.head;
  let index = (vec4u(sequence * params.length) + queries) * params.length + keys;
  return vec4f(dropout_factor(index.x), dropout_factor(index.y), dropout_factor(index.z), dropout_factor(index.w));
}

fn dropout_factor(index: u32) -> f32 {
  return select(0.0, params.keep_scale, keep(params.seed, params.step, params.site, index, params.drop_below));
}
