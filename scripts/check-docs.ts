// npm run check:docs: a reader follows docs/ page by page (test/documents.ts): every command and every snippet runs,
// prints what the page says and leaves no GPU memory taken. Later pages go on with the models of earlier ones, so all
// of them are followed.
import { runCli } from "../src/cli/shared/run.ts";
import { fencesOf, PAGES, Reader, textOf } from "../test/documents.ts";

await runCli(async ({ signal }) => {
  const followed = PAGES.filter((page) => fencesOf(textOf(page)).some(({ language }) => language !== "text"));
  const reader = await Reader.sitDown();
  let failed = 0;
  try {
    for (const page of followed) {
      signal.throwIfAborted();
      const started = performance.now();
      const wrong = await reader.follow(textOf(page)).catch((error: Error) => error);
      if (wrong) failed++;
      const seconds = ((performance.now() - started) / 1000).toFixed(1);
      process.stdout.write(wrong ? `FAIL  ${page}: ${wrong.message}\n` : `ok    ${page.padEnd(30)} ${seconds} s\n`);
    }
  } finally {
    await reader.leave();
  }
  process.stdout.write(failed === 0 ? "The pages are true.\n" : `${failed} pages are not true.\n`);
  return failed === 0 ? 0 : 1;
});
