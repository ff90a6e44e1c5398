// Generates for a long time and watches what must not grow: memory held, WebGPU objects, the process. 10,000 tokens in
// one call, then 200 calls of every kind. Prints one line a check and exits 1 at the first growth. `npm exec tsx
// bench/soak.ts [tokens] [calls]`.
import { generate } from "../src/generation/generate.ts";
import { GPT2Decoder } from "../src/generation/device/gpt2-decoder.ts";
import type { GenerationOptions } from "../src/generation/options/options.ts";
import { GPT2Config } from "../src/gpt2/config.ts";
import { GPT2LMHeadModel } from "../src/gpt2/model.ts";
import { requestDevice } from "../src/gpu/device.ts";

const WARM_UP = 50; // tokens, or calls, until every buffer and bind group is there
const KINDS: Readonly<Record<string, GenerationOptions>> = {
  greedy: {},
  sampling: { doSample: true, seed: 1, topP: 0.9 },
  beams: { numBeams: 3 },
  "repetition penalty": { repetitionPenalty: 1.2 },
  "reading logits": { removeInvalidValues: true },
  "prompt lookup": { promptLookupNumTokens: 4 },
};

const [tokens = 10_000, calls = 200] = process.argv.slice(2).map(Number);
const device = await requestDevice();
const config = new GPT2Config({
  vocabSize: 499,
  nPositions: tokens + 8,
  nEmbd: 32,
  nLayer: 2,
  nHead: 2,
  eosTokenId: null,
});
const decoder = new GPT2Decoder(GPT2LMHeadModel.fromConfig(device, config, { gradients: false }));

const state = () => ({
  bytes_held: device.pool.liveBytes,
  buffers: device.pool.created,
  bind_groups: device.batch.counters.bindGroups,
  pipelines: device.batch.counters.pipelines,
});
let grown = false;

function report(what: string, before: ReturnType<typeof state>, resident: number): void {
  const after = state();
  const flat = JSON.stringify(after) === JSON.stringify(before);
  grown ||= !flat;
  const more = (process.memoryUsage().rss - resident) / 2 ** 20;
  console.log(
    `${flat ? "flat" : "GROWN"}: ${what}; process ${more >= 0 ? "+" : ""}${more.toFixed(0)} MiB; ` +
      `${JSON.stringify(after)}${flat ? "" : ` from ${JSON.stringify(before)}`}`,
  );
}

let seen = 0;
let before = state();
let resident = 0;
const streamer = (): void => {
  if (++seen !== WARM_UP) return;
  before = state();
  resident = process.memoryUsage().rss;
};
const start = performance.now();
await generate(decoder, { inputIds: [[5, 6, 7]], maxNewTokens: tokens, streamer });
report(`${tokens} tokens, ${((performance.now() - start) / tokens).toFixed(2)} ms each`, before, resident);

for (const [name, options] of Object.entries(KINDS)) {
  for (let call = 0; call < calls; call++) {
    await generate(decoder, { inputIds: [[5, call % 499]], maxNewTokens: 6, ...options });
    decoder.dispose();
    if (call === Math.min(WARM_UP, calls >> 1)) [before, resident] = [state(), process.memoryUsage().rss];
  }
  report(`${calls} calls, ${name}`, before, resident);
}
process.exit(grown ? 1 : 0);
