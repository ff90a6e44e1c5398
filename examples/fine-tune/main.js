// The page of this folder: trains on the examples in its field, draws the loss as it falls, and shows what the model
// writes into the first example's gap before and after. Nothing leaves the page; reloading it forgets the training.
import { parseJsonl } from "gpt2-webgpu/infill";
import { fill, fineTune, openModel } from "./fine-tune.js";

const form = document.querySelector("form");
const line = document.querySelector("polyline");
const { examples, steps, rate, train, stop, losses, text } = form.elements;

losses.value = "Loading the model …";
const opened = await openModel("demo").catch((error) => void (losses.value = error.message));
if (opened) {
  losses.value = "";
  train.disabled = false;
}

function draw(all) {
  const highest = Math.max(...all);
  const x = (step) => (100 * step) / Math.max(1, all.length - 1);
  line.setAttribute("points", all.map((loss, step) => `${x(step)},${40 - (38 * loss) / highest}`).join(" "));
  losses.value = `Loss of each step, nats a token: ${all.map((loss) => loss.toFixed(3)).join(", ")}`;
}

let abort;
stop.addEventListener("click", () => abort.abort()); // the step in work is finished
form.addEventListener("submit", async (event) => {
  event.preventDefault();
  abort = new AbortController();
  train.disabled = true;
  stop.disabled = false;
  try {
    const set = parseJsonl(examples.value, "The field");
    text.value = `Before: ${await fill(opened, set[0])}`;
    const all = [];
    const options = { steps: Number(steps.value), learningRate: Number(rate.value), signal: abort.signal };
    const onLoss = (loss) => {
      all.push(loss);
      draw(all);
    };
    await fineTune(opened, set, { ...options, onLoss });
    text.value += `\nAfter: ${await fill(opened, set[0])}`;
  } catch (error) {
    losses.value = error.message;
  }
  train.disabled = false;
  stop.disabled = true;
});
