// The models that the user has named, besides the demo, and which of them is in use: the last one that was chosen, also
// when the page is opened again.
import { signal } from "@preact/signals";
import { readSetting, writeSetting } from "../app/settings.ts";
import { loadModel, modelState } from "../engine/engine.ts";
import { DEMO_ID, demoModel } from "../engine/model.ts";
import type { StudioModel } from "../engine/model.ts";
import { t } from "../i18n/index.ts";
import { openStudio } from "../store/database.ts";

/** Besides the demo, in the order in which they were added. */
export const models = signal<readonly StudioModel[]>([]);

export const demo = (): StudioModel => demoModel(t.value.app.demoName, document.baseURI);

export async function readModels(): Promise<void> {
  models.value = await openStudio().then(
    (studio) => studio.getAll("models"),
    () => models.value,
  );
}

export async function addModel(model: StudioModel): Promise<void> {
  models.value = [...models.value.filter(({ id }) => id !== model.id), model];
  await openStudio().then(
    (studio) => studio.put("models", model),
    () => undefined,
  );
}

export async function forgetModel(id: string): Promise<void> {
  models.value = models.value.filter((model) => model.id !== id);
  await openStudio().then(
    (studio) => studio.delete("models", id),
    () => undefined,
  );
}

export function chooseModel(model: StudioModel): Promise<void> {
  writeSetting("model", model.id);
  return loadModel(model);
}

/** Loads the model that was used last, unless one is there: the demo on a first visit. */
export async function openLastModel(): Promise<void> {
  if (modelState.value.is !== "none") return;
  await readModels();
  if (modelState.value.is !== "none") return;
  const last = readSetting("model") ?? DEMO_ID;
  await loadModel(models.value.find(({ id }) => id === last) ?? demo());
}
