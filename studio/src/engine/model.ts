// A model as the studio knows it: a name for people, and where its files lie.
import type { StoredModel } from "../../../src/entries/worker.ts";

export interface StudioModel {
  readonly id: string;
  readonly name: string;
  readonly kind: "demo" | "hub" | "address" | "folder" | "own";
  /** Whatever IndexedDB can keep: no Map of files. */
  readonly source: StoredModel;
}

export const DEMO_ID = "demo";

/** The demo model, which lies beside the page. `page`: its address. */
export function demoModel(name: string, page: string): StudioModel {
  const { href } = new URL("models/demo", page.split("#")[0]);
  return { id: DEMO_ID, name, kind: "demo", source: { cached: href } };
}
