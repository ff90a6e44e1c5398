// One visitor: a fresh profile, a page, what was seen of it, and words for what people do on it.
import type { Browser, BrowserContext, Locator, Page } from "playwright-core";

/** Of one step, on a busy machine without a GPU. */
const PATIENCE_MS = 240_000;

export class Visit {
  readonly page: Page;
  private readonly context: BrowserContext;
  private readonly address: string;
  private readonly name: string;
  private readonly requests: string[] = [];
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

  /** The longest time between two frames of the page while `act` goes on, and the longest task of its thread, in ms. */
  async longestGap(act: () => Promise<void>): Promise<{ readonly frame: number; readonly task: number }> {
    await this.page.evaluate(() => {
      const seen = ((globalThis as unknown as { seen: object }).seen = { frame: 0, task: 0, ends: false });
      let before = performance.now();
      const frame = (now: number): void => {
        seen.frame = Math.max(seen.frame, now - before);
        before = now;
        if (!seen.ends) requestAnimationFrame(frame);
      };
      requestAnimationFrame(frame);
      new PerformanceObserver((list) => {
        for (const { duration } of list.getEntries()) seen.task = Math.max(seen.task, duration);
      }).observe({ type: "longtask" });
    });
    await act();
    return this.page.evaluate<{ frame: number; task: number }>("(seen.ends = true, seen)");
  }

  /** Told, and no failure: a busy machine without a GPU draws when it can. */
  gap(what: string, { frame, task }: { readonly frame: number; readonly task: number }): void {
    const wanted = frame < 50 ? "" : " (goal: 50; slow or busy machine)";
    this.report(what, true, `${frame.toFixed(0)} ms${wanted}; longest task of the page ${task.toFixed(0)} ms`);
  }

  report(what: string, right: boolean, found = ""): void {
    process.stdout.write(`${right ? "ok   " : "FAIL "} ${this.name.padEnd(9)} ${what}${found && `: ${found}`}\n`);
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
