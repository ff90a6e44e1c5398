// The Hub's environment variables, read as the Python library reads them, and the flags beside them.
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { homedir, tmpdir } from "node:os";
import { join } from "node:path";
import { getHFHubCachePath } from "@huggingface/hub";
import { describe, expect, it } from "vitest";
import { parseFlags } from "../src/cli/shared/flags.ts";
import { HUB_FLAGS } from "../src/cli/shared/model-source.ts";
import { SMALL_FILES } from "../src/hub/model-files.ts";
import { readSettings } from "../src/hub/settings.ts";
import { TEMPLATE_FILE } from "../src/infill/template.ts";

describe("the Hub's settings", () => {
  it.each([
    [{}, join(homedir(), ".cache", "huggingface", "hub")],
    [{ XDG_CACHE_HOME: "/x" }, "/x/huggingface/hub"],
    [{ XDG_CACHE_HOME: "/x", HF_HOME: "/h" }, "/h/hub"],
    [{ HF_HOME: "/h", HUGGINGFACE_HUB_CACHE: "/old" }, "/old"],
    [{ HF_HOME: "/h", HUGGINGFACE_HUB_CACHE: "/old", HF_HUB_CACHE: "/c" }, "/c"],
    [{ HF_HOME: "~/h" }, join(homedir(), "h", "hub")],
    [{ HF_HUB_CACHE: "$DISK/c/${NAME}", DISK: "/d", NAME: "n" }, "/d/c/n"],
    [{ HF_HOME: "" }, join(homedir(), ".cache", "huggingface", "hub")],
  ])("keep the cache for %j in %s", async (env, wanted) => {
    expect((await readSettings({ HF_TOKEN: "hf_x", ...env })).cacheDir).toBe(wanted);
  });

  it("agree with the Hub's own package on this machine", async () => {
    expect((await readSettings({ HF_TOKEN: "hf_x", ...process.env })).cacheDir).toBe(getHFHubCachePath());
  });

  it("wait as long as they say, in seconds, and refuse what is no time", async () => {
    const patienceOf = async (text: string): Promise<number> =>
      (await readSettings({ HF_TOKEN: "hf_x", HF_HUB_DOWNLOAD_TIMEOUT: text })).patienceMs;
    expect(await Promise.all(["", "10", " 0.5 ", "86400"].map(patienceOf))).toEqual([30_000, 10_000, 500, 86_400_000]);
    for (const text of ["30s", "ten", "-1", "0", "1e9", "86401", "Infinity"])
      await expect(patienceOf(text), text).rejects.toThrow(
        `HF_HUB_DOWNLOAD_TIMEOUT is "${text}", wanted seconds as a number above 0 such as 30; mend it or unset it.`,
      );
  });

  it("know the endpoint, the token's order and what is no address", async () => {
    const home = await mkdtemp(join(tmpdir(), "hub-"));
    await writeFile(join(home, "token"), "hf_file\n");
    const env = { HF_HOME: home };
    expect(await readSettings({ ...env, HF_ENDPOINT: "https://mirror.invalid//" })).toMatchObject({
      endpoint: "https://mirror.invalid",
      token: "hf_file",
      offline: false,
      patienceMs: 30_000,
    });
    expect((await readSettings({ ...env, HF_TOKEN: "hf_env" })).token).toBe("hf_env");
    expect((await readSettings({ ...env, HUGGING_FACE_HUB_TOKEN: "hf_old" })).token).toBe("hf_old");
    expect((await readSettings({ ...env, HF_TOKEN_PATH: join(home, "none") })).token).toBeUndefined();
    expect(
      (await readSettings({ ...env, HF_TOKEN: "hf_env", HF_HUB_DISABLE_IMPLICIT_TOKEN: "1" })).token,
    ).toBeUndefined();
    for (const HF_ENDPOINT of ["mirror", "ftp://mirror.invalid"])
      await expect(readSettings({ ...env, HF_ENDPOINT })).rejects.toThrow(
        /^HF_ENDPOINT is ".*", wanted the address of a Hub/,
      );
    await rm(home, { recursive: true });
  });

  it("come as flags", () => {
    const { values } = parseFlags({ command: "x", summary: "x", flags: HUB_FLAGS, examples: [] }, [
      "--revision",
      "v1",
      "--offline",
    ]);
    expect(values).toEqual({ revision: "v1", offline: true });
    expect(SMALL_FILES.model).toContain(TEMPLATE_FILE);
  });
});
