// What Tint makes of the product by tiles of 128, as the driver gets it (SPIR-V, printed by Dawn's dump_shaders): no
// clamp of an index in its innermost loops, and no array in a function's own variables, which drivers put in memory.
import { spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { beforeAll, describe, expect, it } from "vitest";

const at = (path: string): string => JSON.stringify(new URL(path, import.meta.url).href);

/** Of the product's kernel, with tiles of this size: its entry point and all before it. */
function spirv(tile: 64 | 128): string {
  const program = `
    const { requestDevice } = await import(${at("../src/gpu/device.ts")});
    const { matmul } = await import(${at("../src/kernels/matmul.ts")});
    const device = await requestDevice({ tuning: { matmul: "workgroup", matmulTile: ${tile}, matmulWorkgroups: 1 } });
    const tensor = (...shape) => device.pool.acquire(shape);
    matmul(device.batch, { a: tensor(128, 64), b: tensor(64, 128), out: tensor(128, 128), layout: "nn" });
    setTimeout(() => process.exit(0)); // recorded, and so compiled by Tint; never sent`;
  const { stdout, stderr, status } = spawnSync(
    process.execPath,
    ["--import", "tsx", "--input-type=module", "--eval", program],
    {
      cwd: fileURLToPath(new URL("..", import.meta.url)),
      encoding: "utf8",
      maxBuffer: 1e8,
      env: { ...process.env, GPT2_WEBGPU_DAWN: "enable-dawn-features=dump_shaders,disable_symbol_renaming" },
    },
  );
  expect([status, stderr.slice(-500)]).toEqual([0, ""]);
  const text = stdout.slice(stdout.lastIndexOf("OpCapability"));
  expect(text).toMatch(/%a_tile = OpVariable/);
  return text;
}

/** The body of the entry point, from its first loop on: fetching, multiplying, storing. */
function loops(text: string): string {
  const main = text.slice(text.indexOf("%main_inner = OpFunction"));
  const body = main.slice(0, main.indexOf("OpFunctionEnd"));
  return body.slice(body.indexOf("OpLoopMerge"));
}

const clamps = (code: string): number => code.match(/ UMin /g)?.length ?? 0;

// Elsewhere shaders go to drivers as other languages.
describe.runIf(process.platform === "linux")("the product by tiles of 128", { timeout: 240_000 }, () => {
  let large: string, small: string;
  beforeAll(() => {
    [large, small] = [spirv(128), spirv(64)];
  }, 240_000);

  it("has no clamp of an index in its loops, as the one by tiles of 64 has", () => {
    const [ours, other] = [large, small].map(loops);
    for (const code of [ours, other]) expect(code.match(/OpLoopMerge/g)?.length).toBeGreaterThanOrEqual(3);
    expect(clamps(ours)).toBe(0);
    expect(clamps(other)).toBeGreaterThan(0);
  });

  it("keeps no array in a function's variables", () => {
    const types = [...large.matchAll(/OpVariable %_ptr_Function_(\w+) Function/g)].map(([, type]) => type);
    expect(types).toContain("v4float");
    expect(types.filter((type) => type!.includes("arr"))).toEqual([]);
  });
});
