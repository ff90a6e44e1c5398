// gpt2-webgpu/infill: the paragraph between two others. Infiller does it all; the rest is what it is made of.
export { Infiller } from "../writing/infiller.ts";
export type { Filled, FillRequest, GapRequest, InfillerOptions } from "../writing/infiller.ts";
export type { Candidate, ConstraintCost } from "../writing/candidates.ts";
export type { NextWord } from "../writing/next-words.ts";
export { textStreamer } from "../writing/text-streamer.ts";
export { parseDocument } from "../infill/document.ts";
export type { DocumentGap } from "../infill/document.ts";
export { InfillEncoder } from "../infill/encode.ts";
export { parseJsonl, parseRequests } from "../infill/example.ts";
export type { InfillExample, InfillRequest, Meta, MetaValue } from "../infill/example.ts";
export { DEFAULT_TEMPLATE, parseTemplate, specialTokensToAdd, SUFFIX_FIRST_TEMPLATE } from "../infill/template.ts";
export type { InfillTemplate } from "../infill/template.ts";
export { ORIGIN_2020_TEMPLATE } from "../infill/template-presets.ts";
export { TextConstraints } from "../infill/constraints/text-constraints.ts";
export type { TextPlace, TextWishes } from "../infill/constraints/text-constraints.ts";
export { Reranker } from "../rerank/reranker.ts";
export type { Ranked } from "../rerank/reranker.ts";
