"use client";
// A page that fills a gap: in a worker of the reader's own browser, or on the server, by app/fill/route.js.
import { connectEngine } from "gpt2-webgpu/worker";
import { useRef, useState } from "react";

const GAP = {
  p1: "Once upon a time, a mole named Jack lived in a village near the woods. His best friend was a rabbit named Kim.",
  p3: "But the calf took a step back and fell: now it sat in the deep hollow. It cried and cried.",
};

/** The worker and its model, loaded once. */
async function openEngine() {
  const worker = new Worker(new URL("./engine-worker.js", import.meta.url), { type: "module" });
  const engine = connectEngine(worker);
  await engine.load(new URL("/demo", location.href).href);
  return engine;
}

export default function Page() {
  const [text, setText] = useState("");
  const engine = useRef();
  const tell = (error) => setText(error.message); // every error of the library is a sentence
  const here = async () => {
    engine.current ??= openEngine();
    await (await engine.current).fill({ ...GAP, onText: setText });
  };
  const onServer = async () =>
    setText(await (await fetch("/fill", { method: "POST", body: JSON.stringify(GAP) })).json());
  return (
    <main>
      <p>{GAP.p1}</p>
      <p>
        <output name="text">{text}</output>
      </p>
      <p>{GAP.p3}</p>
      <button name="here" onClick={() => here().catch(tell)}>
        Write it here
      </button>
      <button name="server" onClick={() => onServer().catch(tell)}>
        Have the server write it
      </button>
    </main>
  );
}
