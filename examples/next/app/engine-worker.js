import { serveEngine } from "gpt2-webgpu/worker";

serveEngine();
