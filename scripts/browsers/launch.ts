// The browsers that are installed here, with WebGPU on a software adapter, each with a fresh profile.
import { existsSync } from "node:fs";
import puppeteer from "puppeteer-core";
import type { Browser } from "puppeteer-core";

interface Kind {
  readonly name: string;
  /** What apt-get calls it, and the variable that may name another place. */
  readonly debian: string;
  readonly variable: string;
  readonly places: readonly string[];
}

export const BROWSERS = {
  chromium: {
    name: "Chromium",
    debian: "chromium",
    variable: "CHROMIUM",
    places: ["/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome"],
  },
  firefox: {
    name: "Firefox",
    debian: "firefox-esr",
    variable: "FIREFOX",
    places: ["/usr/bin/firefox-esr", "/usr/bin/firefox", "/Applications/Firefox.app/Contents/MacOS/firefox"],
  },
} as const satisfies Readonly<Record<string, Kind>>;
export type BrowserName = keyof typeof BROWSERS;

export const CHROMIUM_FLAGS = [
  "--no-sandbox",
  "--enable-unsafe-webgpu",
  "--use-webgpu-adapter=swiftshader",
  "--enable-features=Vulkan",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
  "--disable-dev-shm-usage",
];

export function findBrowser(which: BrowserName): string | undefined {
  const { variable, places } = BROWSERS[which];
  return [process.env[variable], ...places].find((path) => path && existsSync(path));
}

/** Why there is none, as a sentence. */
export const notInstalled = (which: BrowserName): string => {
  const { name, debian, variable } = BROWSERS[which];
  return `${name} is not installed here (apt-get install ${debian}); ${variable} may name it.`;
};

/** The caller closes it; a call that takes longer than `patienceMs` fails. `userDataDir`: a profile that stays. */
export async function launch(
  which: BrowserName,
  executablePath: string,
  patienceMs: number,
  userDataDir?: string,
): Promise<Browser> {
  const common = { executablePath, headless: true, timeout: patienceMs, protocolTimeout: patienceMs, userDataDir };
  if (which === "firefox")
    return puppeteer.launch({
      ...common,
      browser: "firefox",
      extraPrefsFirefox: { "dom.webgpu.enabled": true, "gfx.webgpu.ignore-blocklist": true, "gfx.webrender.all": true },
    });
  return puppeteer.launch({ ...common, browser: "chrome", args: CHROMIUM_FLAGS });
}
