// gpt2-webgpu/worker: the engine in a Web Worker, so that the page stays free to draw.
export { connectEngine } from "../worker/client.ts";
export type { Engine, GenerateOptions, LoadOptions, TrainOptions } from "../worker/client.ts";
export { serveEngine } from "../worker/host.ts";
export type {
  EngineEndpoint,
  EngineInfo,
  ExplainRequest,
  FolderPlace,
  FreshModel,
  Generated,
  GenerateRequest,
  GgufRequest,
  GivenModel,
  ModelSource,
  StoredModel,
  Trained,
  TrainingEstimate,
  TrainRequest,
} from "../worker/messages.ts";
