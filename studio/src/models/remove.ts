// A model goes with all that is kept of it. Of one that was taught here the folder is the run's as well: its saves, its
// curve and what it learnt from go with it, whichever screen it is removed on.
import { modelState, unloadModel } from "../engine/engine.ts";
import { DEMO_ID } from "../engine/model.ts";
import type { StudioModel } from "../engine/model.ts";
import { removeKept } from "./kept.ts";
import { forgetModel } from "./library.ts";

/** The demo's files go, and it can be loaded again. Throws Error where the browser does not let the files go. */
export async function removeModel(model: StudioModel): Promise<void> {
  const state = modelState.value;
  if (state.is !== "none" && state.model.id === model.id) unloadModel();
  await removeKept(model);
  if (model.id !== DEMO_ID) await forgetModel(model.id);
}
