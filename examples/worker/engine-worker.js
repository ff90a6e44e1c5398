// The engine's side: all of it.
import { serveEngine } from "gpt2-webgpu/worker";

serveEngine();
