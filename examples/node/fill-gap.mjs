// A gap filled in Node: node fill-gap.mjs [folder or address of a model]
// Two candidates come from one beam search; the first is the one that the search likes best.
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { Infiller } from "gpt2-webgpu/infill";

const demo = join(dirname(createRequire(import.meta.url).resolve("gpt2-webgpu/package.json")), "weights", "demo");

const infiller = await Infiller.load(process.argv[2] ?? demo);
try {
  const { candidates } = await infiller.fill({
    p1:
      "Once upon a time, a mole named Jack lived in a village near the woods. " +
      "His best friend was a rabbit named Kim.",
    p3: "But the calf took a step back and fell: now it sat in the deep hollow. It cried and cried.",
    meta: { length: "S", characters: "Jack" },
    candidates: 2,
  });
  for (const { text } of candidates) console.log(`${text}\n`);
} finally {
  infiller.dispose();
}
