// The README's library example, as it stands there: it runs, and when its last `using` has ended no memory is held.
import { execFile } from "node:child_process";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { expect, test } from "vitest";

const root = fileURLToPath(new URL("..", import.meta.url));

test("the library example runs as printed and leaves nothing on the GPU", async () => {
  const readme = await readFile(join(root, "README.md"), "utf8");
  const section = /^## As a library\n(.*?)^## /ms.exec(readme)![1];
  const example = [...section.matchAll(/^```ts\n(.*?)^```$/gms)].map((match) => match[1]).join("\n");
  const index = new URL("../src/index.ts", import.meta.url).href;
  const watch = `
    import { Device } from ${JSON.stringify(new URL("../src/gpu/device.ts", import.meta.url).href)};
    const { destroy } = Device.prototype;
    Device.prototype.destroy = function () {
      console.log("LIVE", this.pool.liveBytes, this.pool.readBackBytes);
      destroy.call(this);
    };
  `;
  const folder = await mkdtemp(join(tmpdir(), "readme-"));
  try {
    const file = join(folder, "example.mts");
    await writeFile(file, watch + example.replaceAll('"gpt2-webgpu"', JSON.stringify(index)));
    const tsx = join(root, "node_modules/tsx/dist/cli.mjs");
    const { stdout } = await promisify(execFile)(process.execPath, [tsx, file], { cwd: root });
    const [beams, loss, ...rest] = stdout.trim().split("\n");
    expect(beams).toMatch(/^Once upon a time/);
    expect(Number(loss)).toBeGreaterThan(0);
    expect(rest.at(-1)).toBe("LIVE 0 0");
    expect(rest[0]).toMatch(/^Once upon a time/);
  } finally {
    await rm(folder, { recursive: true });
  }
});
