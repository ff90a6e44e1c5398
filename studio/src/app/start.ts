// What happens once, when the page opens: the model that was used last is loaded.
import { openLastModel } from "../models/library.ts";

export function start(): void {
  void openLastModel();
}
