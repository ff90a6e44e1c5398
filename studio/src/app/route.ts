// Which screen is shown, from the address behind "#": "#/write/<document>", "#/teach". A static file server needs to
// know nothing of it, and the browser's Back works.
import { signal } from "@preact/signals";

export const SCREENS = ["write", "teach", "models", "look"] as const;
export type Screen = (typeof SCREENS)[number];

export interface Route {
  readonly screen: Screen;
  /** What follows the screen's name: a document's id. */
  readonly rest: string;
}

export function parseRoute(hash: string): Route {
  const [, name = "", rest = ""] = /^#?\/?([^/]*)\/?(.*)$/.exec(hash) ?? [];
  return SCREENS.includes(name as Screen) ? { screen: name as Screen, rest } : { screen: "write", rest: "" };
}

export const addressOf = (screen: Screen, rest = ""): string => `#/${screen}${rest && `/${rest}`}`;

export const route = signal<Route>(parseRoute(location.hash));
addEventListener("hashchange", () => void (route.value = parseRoute(location.hash)));

/** `replace`: no step for the browser's Back. */
export function goTo(screen: Screen, rest = "", { replace = false } = {}): void {
  const hash = addressOf(screen, rest);
  if (location.hash === hash) return;
  if (replace) history.replaceState(null, "", hash);
  else history.pushState(null, "", hash);
  route.value = parseRoute(hash);
}
