// One visitor: a fresh profile, a page, what was seen of it, and words for what people do on it.
import type { Browser, BrowserContext, Locator, Page } from "playwright-core";

/** Of one step, on a busy machine without a GPU. */
const PATIENCE_MS = 240_000;

/** Between two frames. */
const LONGEST_GAP_MS = 50;
const WINDOW_MS = 1000;
const IDLE_WINDOWS = 4;

interface Gaps {
  readonly frames: readonly number[];
  readonly tasks: readonly number[];
}

const median = (values: readonly number[]): number => values.toSorted((a, b) => a - b)[values.length >> 1];

export function print(check: string, what: string, right: boolean, found: string): void {
  process.stdout.write(`${right ? "ok   " : "FAIL "} ${check.padEnd(9)} ${what}${found && `: ${found}`}\n`);
}

export class Visit {
  readonly page: Page;
  private readonly context: BrowserContext;
  private readonly address: string;
  private readonly name: string;
  private readonly requests: string[] = [];
  private idle: Gaps = { frames: [0], tasks: [0] };
  failed = 0;

  private constructor(page: Page, context: BrowserContext, address: string, name: string) {
    this.page = page;
    this.context = context;
    this.address = address;
    this.name = name;
    page.on("pageerror", (error) => this.report("no error in the page", false, error.message));
  }

  static async open(browser: Browser, address: string, name: string): Promise<Visit> {
    const context = await browser.newContext({ viewport: { width: 1440, height: 900 }, locale: "en-GB" });
    context.setDefaultTimeout(PATIENCE_MS);
    // tsx gives functions their names by a helper, which what is evaluated in the page has not.
    await context.addInitScript("globalThis.__name = (named) => named");
    const visit = new Visit(await context.newPage(), context, address, name);
    context.on("request", (request) => void visit.requests.push(request.url()));
    await visit.page.goto(address);
    return visit;
  }

  /** The same visitor's second tab, at the same address. */
  async another(): Promise<Visit> {
    const visit = new Visit(await this.context.newPage(), this.context, this.address, this.name);
    await visit.page.goto(this.page.url());
    await visit.page.locator(".cm-line").first().waitFor();
    return visit;
  }

  /**
   * No 50 ms between two frames of the page while `act` goes on. A busy machine stalls now and then whatever the page
   * does, and without a GPU frames wait for the processor that computes. What counts is the page's own part: tasks of
   * its thread so long, in more than a tenth of the seconds. Where it stalls doing nothing, that proves nothing.
   */
  async draws(what: string, act: () => Promise<void>): Promise<void> {
    const busy = await this.gapsWhile(act);
    const isLong = (ms: number): boolean => ms >= LONGEST_GAP_MS;
    const [frame, rest] = [median(busy.frames), median(this.idle.frames)];
    const count = busy.frames.length;
    const own = busy.tasks.filter(isLong).length;
    const said =
      `${frame.toFixed(0)} ms between frames (median of the worst in ${count} seconds; ` +
      `${busy.frames.filter(isLong).length} had 50 and more, ${own} by a task of the page's); ` +
      `${rest.toFixed(0)} when it does nothing`;
    this.report(what, own <= Math.max(1, count / 10) || isLong(rest), said);
  }

  /** What draws() compares with: to be called while the page does nothing. */
  async rests(): Promise<void> {
    this.idle = await this.gapsWhile(() => this.page.waitForTimeout(IDLE_WINDOWS * WINDOW_MS));
  }

  /** The longest time between two frames and the longest task of the page's thread, in ms, of each window of `act`. */
  private async gapsWhile(act: () => Promise<unknown>): Promise<Gaps> {
    await this.page.evaluate((windowMs) => {
      const seen = { frames: [0], tasks: [0], ends: false };
      (globalThis as unknown as { seen: object }).seen = seen;
      const begun = performance.now();
      const put = (into: number[], at: number, value: number): void => {
        const window = Math.floor((at - begun) / windowMs);
        while (into.length <= window) into.push(0);
        into[window] = Math.max(into[window], value);
      };
      let before = begun;
      const frame = (now: number): void => {
        put(seen.frames, now, now - before);
        before = now;
        if (!seen.ends) requestAnimationFrame(frame);
      };
      requestAnimationFrame(frame);
      const tasks = new PerformanceObserver((list) => {
        for (const { startTime, duration } of list.getEntries()) put(seen.tasks, startTime + duration, duration);
        if (seen.ends) tasks.disconnect();
      });
      tasks.observe({ type: "longtask" });
    }, WINDOW_MS);
    await act();
    return this.page.evaluate<Gaps>("(seen.ends = true, seen)");
  }

  report(what: string, right: boolean, found = ""): void {
    print(this.name, what, right, found);
    if (!right) this.failed++;
  }

  same(what: string, found: unknown, wanted: unknown): void {
    const [a, b] = [JSON.stringify(found), JSON.stringify(wanted)];
    this.report(what, a === b, a === b ? "" : `${a}, wanted ${b}`);
  }

  async attempt(act: () => Promise<void>): Promise<void> {
    await act().catch((error: Error) => this.report("goes to its end", false, error.message.split("\n")[0]));
  }

  /** All that was asked of the network so far was asked of this site. */
  requestsStayed(): void {
    const gone = this.requests.filter((url) => !url.startsWith(this.address) && !/^(?:blob|data):/.test(url));
    this.report("no request leaves the page", gone.length === 0, gone[0]);
  }

  async close(): Promise<void> {
    await this.context.close();
  }

  /** The editor and the model are there. */
  async ready(): Promise<void> {
    await this.page.waitForSelector(".cm-content");
    await this.page.waitForSelector(".dot.ready");
  }

  button(name: string | RegExp, within: Page | Locator = this.page): Locator {
    return within.getByRole("button", { name });
  }

  /** The manuscript, as it stands in the editor; what is shown in the place of a gap is none of it. */
  async text(): Promise<string> {
    const lines = await this.page.locator(".cm-line").evaluateAll((all) =>
      all.map((line) => {
        const bare = line.cloneNode(true) as typeof line;
        for (const place of bare.querySelectorAll(".gap-place")) place.remove();
        return bare.textContent;
      }),
    );
    return lines.join("\n");
  }

  async write(text: string): Promise<void> {
    await this.page.locator(".cm-content").click();
    await this.page.keyboard.press("ControlOrMeta+a");
    await this.page.keyboard.insertText(text);
  }

  /** The cursor in a line of the manuscript, from 0; a paragraph is one, however it is broken. */
  async goToLine(line: number): Promise<void> {
    await this.page.locator(".cm-line").nth(line).click();
  }

  cards(): Locator {
    return this.page.locator(".candidate");
  }

  async cardTexts(): Promise<string[]> {
    return this.page.locator(".candidate-text").allInnerTexts();
  }

  /** All that was asked for is written and judged. */
  async written(): Promise<void> {
    await this.page.waitForFunction(
      "document.querySelector('.candidate') && !document.querySelector('.caret') && " +
        "[...document.querySelectorAll('.candidate')].every((card) => card.querySelector('.detail'))",
    );
  }

  /** What was edited is on the disk. */
  async saved(): Promise<void> {
    await this.page.waitForSelector("text=Saved on this device");
  }
}
