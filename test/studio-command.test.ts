// src/studio.ts: where the page comes from when its package is not installed beside this one. That it serves the page
// is checked on the packed packages (scripts/check-package.ts) and in a browser (scripts/check-studio.ts).
import { spawnSync } from "node:child_process";
import { chmod, cp, mkdir, mkdtemp, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import packageJson from "../package.json" with { type: "json" };

const ROOT = fileURLToPath(new URL("..", import.meta.url));

describe("gpt2-webgpu studio", () => {
  let folder: string;
  /** A project without studio/, and in front of PATH an npx that only tells what it was asked. */
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), "studio-command-"));
    await mkdir(join(folder, "bin"));
    await cp(join(ROOT, "src"), join(folder, "src"), { recursive: true });
    await cp(join(ROOT, "package.json"), join(folder, "package.json"));
    await symlink(join(ROOT, "node_modules"), join(folder, "node_modules"));
    const npx = join(folder, "bin", "npx");
    await writeFile(npx, `#!/bin/sh\nprintf '%s\\n' "$@" "$GPT2_WEBGPU_STUDIO_BY_NPX" > ${folder}/asked\nexit 7\n`);
    await chmod(npx, 0o755);
  });
  afterAll(() => rm(folder, { recursive: true }));

  const run = (argv: readonly string[], env: NodeJS.ProcessEnv = {}) =>
    spawnSync(process.execPath, ["--import", "tsx", join(folder, "src", "gpt2-webgpu.ts"), "studio", ...argv], {
      cwd: folder,
      encoding: "utf8",
      env: { ...process.env, PATH: `${folder}/bin:${process.env.PATH}`, ...env },
    });

  it("has npx bring the page's package, of its own version, and run it again with the same flags", async () => {
    const { status } = run(["--port", "4719", "--no_open"]);
    const { version } = packageJson;
    const packages = ["--package", `gpt2-webgpu@${version}`, "--package", `gpt2-webgpu-studio@${version}`];
    const asked = [...packages, "gpt2-webgpu", "studio", "--port", "4719", "--no_open", "1", ""];
    expect((await readFile(join(folder, "asked"), "utf8")).split("\n")).toEqual(asked);
    expect(status).toBe(7);
  });

  it("asks npx once", () => {
    const { status, stderr } = run([], { GPT2_WEBGPU_STUDIO_BY_NPX: "1" });
    expect(stderr).toBe(
      `Error: npx brought no gpt2-webgpu-studio: npm install gpt2-webgpu-studio@${packageJson.version}, ` +
        "and then this again.\n",
    );
    expect(status).toBe(1);
  });

  it("says what to do where there is no npx", () => {
    const { status, stderr } = run([], { PATH: join(folder, "nothing") });
    expect(stderr).toMatch(
      /^Error: The studio's page is a package of its own, .*: npm install gpt2-webgpu-studio@\S+\.\n$/,
    );
    expect(status).toBe(1);
  });

  it("refuses a port that none can be", async () => {
    const { status, stdout, stderr } = run(["--port", "70000"]);
    expect([status, stdout]).toEqual([1, ""]);
    expect(stderr).toBe('Error: --port is "70000", expected a whole number from 0 to 65535.\n');
  });
});

it("the studio's package has the version of this one", async () => {
  const studio = JSON.parse(await readFile(join(ROOT, "studio", "package.json"), "utf8")) as { version: string };
  expect(studio.version).toBe(packageJson.version);
});
