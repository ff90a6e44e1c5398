// What a page is told where something fails that no program can help: a download that is cut, one that its user stops,
// a storage that is full, a browser without WebGPU. Each is a sentence, and nothing is half stored.
import type { CDPSession, Page } from "puppeteer-core";
import type { FailureResult } from "./results.ts";
import type { Report } from "./visit.ts";

interface Seen {
  readonly report: Report;
  call<R>(name: string, ...rest: readonly unknown[]): Promise<R>;
}

/** Less than the demo model's weights. */
const QUOTA_BYTES = 1_000_000;

export async function failIn(page: Page, seen: Seen): Promise<void> {
  const { cut, stopped, withoutWebGpu } = await seen.call<FailureResult>("fail");
  seen.report("a download that is cut goes on", /^the same bytes, [1-9]\d* cuts$/.test(cut), cut);
  seen.report("a load that is stopped", /^Stopped by the reader; then \d+ of \d+ bytes come$/.test(stopped), stopped);
  seen.report("a browser without WebGPU", /^UserError: .*WebGPU.*\.$/.test(withoutWebGpu), withoutWebGpu);
  const chromium = await page.createCDPSession().catch(() => undefined);
  if (chromium) await fullStorage(page, chromium, seen);
}

/** Firefox has no way to say how much it takes. */
async function fullStorage(page: Page, chromium: CDPSession, seen: Seen): Promise<void> {
  const origin = new URL(page.url()).origin;
  await chromium.send("Storage.overrideQuotaForOrigin", { origin, quotaSize: QUOTA_BYTES });
  try {
    const [said, left] = await seen.call<[string, string]>("full");
    const right = /^UserError: .*(room|full).*\.$/i.test(said) && !left.includes("model.safetensors");
    seen.report("a storage that is full", right, `${said} ${left}`);
  } finally {
    await chromium.send("Storage.overrideQuotaForOrigin", { origin });
    await chromium.detach();
  }
}
