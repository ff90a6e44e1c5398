// The page's side: the engine loads, writes and stops in a worker, and the page counts its frames meanwhile.
import { connectEngine } from "gpt2-webgpu/worker";

const form = document.querySelector("form");
const { p1, p3, write, stop, text, frames } = form.elements;
const tell = (error) => (text.value = error.message); // every error of the library is a sentence

let last;
let longest = 0;
requestAnimationFrame(function count(now) {
  if (last !== undefined) longest = Math.max(longest, now - last);
  last = now;
  frames.value = `longest time between two frames: ${Math.round(longest)} ms`;
  requestAnimationFrame(count);
});

const worker = new Worker(new URL("./engine-worker.js", import.meta.url), { type: "module" });
const engine = connectEngine(worker);
text.value = "Loading the model …";
try {
  await engine.load(new URL("demo", location.href).href); // a path alone would be relative to the worker's script
  text.value = "";
  write.disabled = false;
} catch (error) {
  tell(error);
}

let abort;
stop.addEventListener("click", () => abort.abort(new Error("Stopped.")));
form.addEventListener("submit", async (event) => {
  event.preventDefault();
  abort = new AbortController();
  longest = 0;
  write.disabled = true;
  stop.disabled = false;
  try {
    await engine.fill({
      p1: p1.value,
      p3: p3.value,
      options: { doSample: true, temperature: 0.8 },
      signal: abort.signal,
      onText: (soFar) => (text.value = soFar),
    });
  } catch (error) {
    tell(error);
  }
  write.disabled = false;
  stop.disabled = true;
});
