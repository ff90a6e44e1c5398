// A page that fills a gap: loads the model once, shows the text as it grows, and can be stopped.
import { Infiller } from "gpt2-webgpu/infill";

const form = document.querySelector("form");
const { p1, p3, write, stop, text } = form.elements;
const tell = (error) => (text.value = error.message); // every error of the library is a sentence

text.value = "Loading the model …";
const infiller = await Infiller.load("demo").catch(tell);
if (infiller instanceof Infiller) {
  text.value = "";
  write.disabled = false;
}

let abort;
stop.addEventListener("click", () => abort.abort(new Error("Stopped.")));
form.addEventListener("submit", async (event) => {
  event.preventDefault();
  abort = new AbortController();
  write.disabled = true;
  stop.disabled = false;
  try {
    await infiller.fill({
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
