// What training over ranks should cost on machines that are not here. An update of N ranks, with P parameters in f32:
//
//   network   each rank sends 4P (N-1)/N bytes of gradients and gets as many (a reduce-scatter), and the same of values
//             (an all-gather): 2P elements, as data parallelism without ZeRO (Rajbhandari et al. 2020, section 7.1);
//             no algorithm does with less (Patarasuk and Yuan 2009, "Bandwidth optimal all-reduce algorithms").
//   messages  one to each other rank for every bucket of gradients and of values, and four small ones (counts, whether
//             to stop, the norm's sums, to rank 0 and back), each after the other: what they cost beside their bytes.
//   host      gradients come from the GPU and values go back, over PCIe; sums are made on the host.
//   compute   6P operations a token, forward and backward (Kaplan et al. 2020, section 2.1).
//
// Nothing of the exchange is hidden behind backward here, so efficiency is the share of compute in the sum. What hiding
// could gain at most: half of the exchange, that of gradients, behind two thirds of compute, which backward is; the
// values' half comes after the update that all gradients are needed for.
import { BUCKET } from "../src/training/shards.ts";

export interface Cluster {
  readonly ranks: number;
  /** Of one rank's link, in Gbit/s: a node's divided by its GPUs. */
  readonly gbits: number;
  /** Seconds that a message takes beside its bytes. */
  readonly latency: number;
  /** What training reaches of the GPU, in operations a second. */
  readonly flops: number;
  /** Tokens that a rank computes an update: micro-batches times their tokens. */
  readonly tokens: number;
  /** Bytes a second that the host moves between the GPU and the network, sums included. */
  readonly hostRate: number;
}

export interface Expected {
  /** That a rank sends an update. */
  readonly bytes: number;
  /** Seconds. */
  readonly compute: number;
  readonly network: number;
  readonly messages: number;
  readonly host: number;
  /** Share of the time that goes into computing, and so of N times one rank's speed. */
  readonly efficiency: number;
  /** The same if as much of the exchange as can be were hidden behind backward. */
  readonly overlapped: number;
}

/** An update of a model of so many parameters. */
export function expectedUpdate(
  parameters: number,
  { ranks, gbits, latency, flops, tokens, hostRate }: Cluster,
): Expected {
  const bytes = (2 * 4 * parameters * (ranks - 1)) / ranks;
  const compute = (6 * parameters * tokens) / flops;
  const network = (8 * bytes) / (gbits * 1e9);
  const messages = latency * (2 * Math.ceil(parameters / BUCKET) + 4) * (ranks - 1);
  const host = ranks === 1 ? 0 : (2 * 4 * parameters) / hostRate;
  const exchange = network + messages + host;
  const hidden = Math.min(exchange / 2, (2 / 3) * compute);
  return {
    bytes,
    compute,
    network,
    messages,
    host,
    efficiency: compute / (compute + exchange),
    overlapped: compute / (compute + exchange - hidden),
  };
}
