// What happens once, when the page opens: the model that was used last is loaded, and the page is kept for when there
// is no network.
import { openLastModel } from "../models/library.ts";
import { holdsFiles } from "../ui/holds-files.ts";
import { watchFailures } from "./failure.ts";

/** A file that is dropped beside its place must not take the page's. */
function keepPage(): void {
  for (const type of ["dragover", "drop"] as const)
    addEventListener(type, (event) => holdsFiles(event) && event.preventDefault());
}

export function start(): void {
  watchFailures();
  keepPage();
  void openLastModel();
  if (import.meta.env.PROD) navigator.serviceWorker?.register("./sw.js").catch(() => {});
}
