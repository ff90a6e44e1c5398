// A few choices of the user (language, colours, layout), kept in localStorage because they are wanted before the first
// paint; where there is none they last as long as the page.
const PREFIX = "studio.";
const memory = new Map<string, string>();

export function readSetting(name: string): string | undefined {
  try {
    return localStorage.getItem(PREFIX + name) ?? memory.get(name);
  } catch {
    return memory.get(name);
  }
}

export function writeSetting(name: string, value: string): void {
  memory.set(name, value);
  try {
    localStorage.setItem(PREFIX + name, value);
  } catch {
    // A private window, or a full disk: it lasts as long as the page.
  }
}
