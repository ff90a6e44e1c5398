// The engine's worker: everything that computes runs here, so that the page stays free to draw.
import { serveEngine } from "../../../src/entries/worker.ts";

serveEngine();
