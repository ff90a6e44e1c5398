// Models: which one writes, what is kept of each, how to get another; what computes, and how much room is left.
import { useSignal } from "@preact/signals";
import type { JSX } from "preact";
import { useEffect } from "preact/hooks";
import { modelState } from "../engine/engine.ts";
import type { StudioModel } from "../engine/model.ts";
import { formatBytes, formatDone, inWords, numbers, reasonOf, t } from "../i18n/index.ts";
import { adapterName } from "../i18n/names.ts";
import { Icon } from "../ui/icon.tsx";
import { AddModel } from "./add-model.tsx";
import { keptBytes, storageUse } from "./kept.ts";
import type { StorageUse } from "./kept.ts";
import { chooseModel, demo, models } from "./library.ts";
import { removeModel } from "./remove.ts";
import "./models.css";

/** Tokens of GPT-2's a word, about. */
const WORDS_PER_TOKEN = 0.75;

export default function ModelsScreen(): JSX.Element {
  const use = useSignal<StorageUse | undefined>(undefined);
  const bytes = useSignal<ReadonlyMap<string, number | undefined>>(new Map());
  const all = [demo(), ...models.value];
  const measure = async (): Promise<void> => {
    const sizes = await Promise.all(all.map(async (model) => [model.id, await keptBytes(model)] as const));
    bytes.value = new Map(sizes);
    use.value = await storageUse();
  };
  useEffect(() => void measure(), [modelState.value.is, models.value]);
  return (
    <div class="page models">
      <div>
        <h1>{t.value.models.title}</h1>
        <p class="soft">{t.value.models.lead}</p>
      </div>
      <ul class="stack">
        {all.map((model) => (
          <ModelCard key={model.id} model={model} bytes={bytes.value.get(model.id)} onChange={() => void measure()} />
        ))}
      </ul>
      <AddModel />
      <section class="stack">
        <h2>{t.value.models.computer}</h2>
        <Adapter />
      </section>
      <section class="stack">
        <h2>{t.value.models.storage}</h2>
        {use.value && <Storage use={use.value} onChange={() => void measure()} />}
      </section>
    </div>
  );
}

interface ModelCardProps {
  readonly model: StudioModel;
  readonly bytes: number | undefined;
  readonly onChange: () => void;
}

function ModelCard({ model, bytes, onChange }: ModelCardProps): JSX.Element {
  const removing = useSignal(false);
  const state = modelState.value;
  const isThis = state.is !== "none" && state.model.id === model.id;
  const isReady = isThis && state.is === "ready";
  const failure = useSignal<string | undefined>(undefined);
  const remove = async (): Promise<void> => {
    failure.value = undefined;
    try {
      await removeModel(model);
    } catch (error) {
      failure.value = reasonOf(error as Error);
    } finally {
      removing.value = false;
      onChange();
    }
  };
  return (
    <li class={`card model${isThis ? " chosen" : ""}`}>
      <div class="about">
        <h2>{model.name}</h2>
        <p class="small soft">{t.value.models.kinds[model.kind]}</p>
        <p class="small">{sizeOf(bytes, isReady)}</p>
        {isReady && (
          <p class="small">
            {state.info.fillsGaps ? t.value.models.fillsGaps : t.value.models.continues} ·{" "}
            {t.value.models.reads(numbers.value.format(Math.round(state.info.nPositions * WORDS_PER_TOKEN)))}
          </p>
        )}
        {isReady &&
          [...new Set(state.notes.map(inWords))].map((note) => (
            <p key={note} class="small soft">
              {note}
            </p>
          ))}
        {isThis && state.is === "failed" && (
          <p class="notice bad" role="alert">
            {inWords(state.reason)}
          </p>
        )}
        {failure.value !== undefined && (
          <p class="notice bad" role="alert">
            {failure.value}
          </p>
        )}
        {removing.value && <p class="notice">{t.value.models.forgets[model.kind]}</p>}
        {isThis && state.is === "loading" && (
          <progress
            aria-label={t.value.app.loadingModel(model.name, "")}
            {...(state.share === undefined ? {} : { value: state.share })}
          />
        )}
      </div>
      <div class="row">
        {isReady ? (
          <span class="in-use">
            <Icon name="check" />
            {t.value.models.inUse}
          </span>
        ) : isThis && state.is === "loading" ? (
          <span class="small soft">
            {t.value.models.loading(state.share === undefined ? "" : ` ${formatDone(state.share)}`)}
          </span>
        ) : (
          <button onClick={() => void useModel(model)}>{t.value.models.use}</button>
        )}
        {removing.value ? (
          <>
            <button class="danger" onClick={() => void remove()}>
              {t.value.models.forgetForGood}
            </button>
            <button onClick={() => (removing.value = false)}>{t.value.teach.keep}</button>
          </>
        ) : (
          <button
            class="quiet icon"
            aria-label={t.value.models.forget(model.name)}
            disabled={model.kind === "demo" && (bytes ?? 0) === 0}
            onClick={() => (removing.value = true)}
          >
            <Icon name="trash" />
          </button>
        )}
      </div>
    </li>
  );
}

/** A folder on the disk may have to be allowed again, which only a press of a button can ask for. */
async function useModel(model: StudioModel): Promise<void> {
  const { source } = model;
  if (typeof source === "object" && "directory" in source) {
    const handle = source.directory as unknown as { requestPermission?(): Promise<string> };
    await handle.requestPermission?.();
  }
  await chooseModel(model);
}

function sizeOf(bytes: number | undefined, isReady: boolean): string {
  if (bytes === undefined) return t.value.models.onDisk;
  if (bytes === 0) return t.value.models.notKept;
  return isReady ? t.value.models.kept(formatBytes(bytes)) : t.value.models.partlyOrKept(formatBytes(bytes));
}

function Adapter(): JSX.Element {
  const limits = useSignal<{ readonly buffer: number; readonly binding: number } | undefined>(undefined);
  const hasWebGpu = "gpu" in navigator;
  useEffect(() => {
    void navigator.gpu?.requestAdapter({ powerPreference: "high-performance" }).then((adapter) => {
      if (!adapter) return;
      const { maxBufferSize, maxStorageBufferBindingSize } = adapter.limits;
      limits.value = { buffer: maxBufferSize, binding: maxStorageBufferBindingSize };
    });
  }, []);
  if (!hasWebGpu) return <p class="notice bad">{t.value.models.noWebGpu}</p>;
  const state = modelState.value;
  return (
    <p>
      {state.is === "ready" ? adapterName(state.info.adapter) : t.value.models.noAdapter}
      {limits.value && (
        <>
          {" · "}
          {t.value.models.limits(formatBytes(limits.value.buffer), formatBytes(limits.value.binding))}
        </>
      )}
    </p>
  );
}

function Storage({ use, onChange }: { readonly use: StorageUse; readonly onChange: () => void }): JSX.Element {
  const { used, quota, persisted } = use;
  const persist = async (): Promise<void> => {
    await navigator.storage.persist();
    onChange();
  };
  return (
    <div class="stack">
      {quota !== undefined && <meter min={0} max={quota} value={used} aria-label={t.value.models.storage} />}
      <p>
        {quota === undefined
          ? t.value.models.usedOnly(formatBytes(used))
          : t.value.models.used(formatBytes(used), formatBytes(quota))}
      </p>
      <div class="row">
        <span class="small soft">{persisted ? t.value.models.persisted : t.value.models.mayClear}</span>
        {!persisted && <button onClick={() => void persist()}>{t.value.models.persist}</button>}
      </div>
    </div>
  );
}
