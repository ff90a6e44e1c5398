// gpt2-webgpu/explain: what a text was chosen from, as data and as a page to look at.
export { explain } from "../explain/explain.ts";
export type { Explained, ExplainOptions } from "../explain/explain.ts";
export type { Explanation } from "../explain/explanation.ts";
export { explanationPage } from "../explain/page/page.ts";
