// New rows of the token embedding as Hugging Face's resize_token_embeddings draws them: from N(mean, 1e-9 * covariance)
// of the old rows (Hewitt 2021, "Initializing new word embeddings for pretrained language models"): rows drawn from
// N(0, 0.02) instead would get most of a pre-trained model's probability at once.
import { UserError } from "../errors.ts";
import { Random } from "../random.ts";

const COVARIANCE_SCALE = 1e-9;

/**
 * wte [V, C] as [size, C]: cut, or grown by seeded draws. Throws UserError for a size below 1.
 * A draw is mean + sqrt(1e-9 / V) * sum over old rows of z_v * (row_v - mean), z standard normal: its covariance is
 * exactly
 * 1e-9 times that of the rows, with no [C, C] matrix to build or factor.
 */
export function resizeEmbedding(wte: Float32Array, C: number, size: number, seed: number): Float32Array {
  if (!Number.isInteger(size) || size < 1)
    throw new UserError(`resizeTokenEmbeddings: size is ${size}, wanted a whole number of at least 1.`);
  const V = wte.length / C;
  const resized = new Float32Array(size * C);
  resized.set(wte.subarray(0, Math.min(V, size) * C));
  if (size <= V) return resized;
  const mean = new Float64Array(C);
  for (let i = 0; i < wte.length; i++) mean[i % C] += wte[i] / V;
  const random = new Random(seed);
  for (let row = V; row < size; row++) {
    const draw = new Float64Array(C);
    for (let v = 0; v < V; v++) {
      const z = random.normal();
      for (let c = 0; c < C; c++) draw[c] += z * (wte[v * C + c] - mean[c]);
    }
    for (let c = 0; c < C; c++) resized[row * C + c] = mean[c] + Math.sqrt(COVARIANCE_SCALE / V) * draw[c];
  }
  return resized;
}
