// What happens once, when the page opens: the model that was used last is loaded, and the page is kept for when there
// is no network.
import { openLastModel } from "../models/library.ts";
import { watchFailures } from "./failure.ts";

export function start(): void {
  watchFailures();
  void openLastModel();
  if (import.meta.env.PROD) navigator.serviceWorker?.register("./sw.js").catch(() => {});
}
