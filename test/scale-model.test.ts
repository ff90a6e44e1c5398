// bench/scale.ts's expectation of clusters, on figures that can be checked by hand.
import { expect, test } from "vitest";
import { expectedUpdate } from "../bench/scale-model.ts";

const cluster = { ranks: 2, gbits: 8, latency: 1e-3, flops: 6e9, tokens: 1000, hostRate: 4e9 };

test("two ranks of a billion parameters at 8 Gbit/s", () => {
  const { bytes, compute, network, messages, host, efficiency, overlapped } = expectedUpdate(1e9, cluster);
  expect(bytes).toBe(4e9); // half of the gradients, and half of the values
  expect(network).toBe(4); // at 1 GB/s
  expect(compute).toBe(1000); // 6e12 operations
  expect(host).toBe(2); // 8 GB
  expect(messages).toBeCloseTo(2 * 0.239 + 0.004, 12); // a billion in buckets of 4194304, there and back
  expect(efficiency).toBeCloseTo(1000 / (1006 + messages), 12);
  expect(overlapped).toBeCloseTo(1000 / (1003 + messages / 2), 12); // the gradients' half is hidden
});

test("no more is hidden than backward, two thirds of computing, takes", () => {
  const { compute, network, messages, host, overlapped } = expectedUpdate(1e9, { ...cluster, tokens: 3 });
  expect(compute).toBe(3);
  expect(overlapped).toBeCloseTo(3 / (3 + network + messages + host - 2), 12);
});

test("one rank exchanges nothing, and many send no more than twice the model", () => {
  expect(expectedUpdate(1e9, { ...cluster, ranks: 1 })).toMatchObject({ bytes: 0, host: 0, efficiency: 1 });
  expect(expectedUpdate(1e9, { ...cluster, ranks: 1024 }).bytes).toBeCloseTo(8e9 * (1023 / 1024), -3);
});
