// What stands in fences in Markdown, run as a reader would: commands by the shell, in a folder with a reader's own
// books and paragraphs, and a Hub on this machine whose gpt2 is the demo model; TypeScript and JavaScript as one module
// for each page.
import { execFile } from "node:child_process";
import { readFileSync } from "node:fs";
import { cp, mkdir, mkdtemp, readdir, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { promisify } from "node:util";
import { GUIDES } from "../docs/pages.ts";
import packageJson from "../package.json" with { type: "json" };
import { HubServer } from "./hub-server.ts";

export const ROOT = fileURLToPath(new URL("..", import.meta.url));

/** The pages of docs/, in the order in which they are read. */
export const PAGES = ["index", ...GUIDES.flatMap(({ folder, pages }) => pages.map((page) => `${folder}/${page}`))];
export const textOf = (page: string): string => readFileSync(join(ROOT, "docs", `${page}.md`), "utf8");

export interface Fence {
  readonly language: string;
  readonly text: string;
  /** Between the fence before and this one. */
  readonly before: string;
}

/** The fences of a page, also indented ones, in order. Throws Error for a language that nothing here runs or reads. */
export function fencesOf(markdown: string): Fence[] {
  const fences: Fence[] = [];
  let end = 0;
  for (const match of markdown.matchAll(/^([ ]*)```(\w*)\n(.*?)^\1```$/gms)) {
    const [whole, indent, language, text] = match;
    if (!["sh", "ts", "js", "json", "text", "wgsl"].includes(language))
      throw new Error(`A fence has the language "${language}", which no test runs.`);
    const outdented = indent === "" ? text : text.replaceAll(new RegExp(`^${indent}`, "gm"), "");
    fences.push({ language, text: outdented, before: markdown.slice(end, match.index).trim() });
    end = match.index + whole.length;
  }
  return fences;
}

/**
 * What stands for the commands of a reader's shell. Scripts of package.json are only looked for: they run in CI by
 * themselves; so do the examples, by scripts/check-package.ts. Anything else is not found.
 */
const SHELL = `set -euo pipefail
there() { [ -e "$1" ] || { echo "$1 is not there" >&2; return 1; }; }
npx() {
  case "$1" in
    tsx) shift; command node --import tsx "$@" </dev/null ;;
    gpt2-webgpu) shift; command node --import tsx src/gpt2-webgpu.ts "$@" </dev/null ;;
    vite) there "\${2:-examples/page}/index.html" ;; # of a folder of the reader's own the page shows these files
    vitest) there "$3" ;;
    *) echo "npx $1: nobody knows this" >&2; return 1 ;;
  esac
}
npm() {
  case "$1" in
    ci | test | install) ;;
    run) case " $SCRIPTS " in *" $2 "*) ;; *) echo "npm run $2: no such script" >&2; return 1 ;; esac ;;
    *) echo "npm $1: nobody knows this" >&2; return 1 ;;
  esac
}
node() { there "$1"; }
`;

/** The text without what is only layout. */
const words = (text: string): string => text.replaceAll(/\s+/g, " ").trim();

const WATCH = `import { Device } from ${JSON.stringify(pathToFileURL(join(ROOT, "src/gpu/device.ts")).href)};
const { destroy } = Device.prototype;
Device.prototype.destroy = function () {
  console.log("LIVE", this.pool.liveBytes, this.pool.readBackBytes);
  destroy.call(this);
};
`;

/** A reader's folder, with the project's files in it. What was run there once is not run again. */
export class Reader {
  readonly folder: string;
  private readonly hub: HubServer;
  private readonly printed = new Map<string, string>();

  private constructor(folder: string, hub: HubServer) {
    this.folder = folder;
    this.hub = hub;
  }

  static async sitDown(): Promise<Reader> {
    const folder = await mkdtemp(join(tmpdir(), "reader-"));
    const projects = ["src", "bench", "scripts", "test", "examples", "package.json", "tsconfig.json"];
    for (const name of [...projects, "node_modules"]) await symlink(join(ROOT, name), join(folder, name));
    await cp(join(ROOT, "weights"), join(folder, "weights"), { recursive: true }); // --fit_rerank writes beside a model
    await mkdir(join(folder, "data"));
    await symlink(join(ROOT, "data/sample"), join(folder, "data/sample"));
    await mkdir(join(folder, "programs"));
    await symlink(process.execPath, join(folder, "programs/node"));
    await mkdir(join(folder, "books"));
    const stories = (await readFile(join(ROOT, "data/sample/stories.txt"), "utf8")).trim().split("\n\n\n");
    for (const [i, name] of ["hill", "valley", "pond"].entries()) {
      const chapters = stories.slice(20 * i, 20 * i + 12).map((story, n) => `CHAPTER ${n + 1}\n\n${story.trim()}\n`);
      await writeFile(join(folder, `books/${name}.txt`), chapters.join("\n\n"));
    }
    const [before, , after] = stories[0].split("\n\n");
    await writeFile(join(folder, "before.txt"), `${before}\n`);
    await writeFile(join(folder, "after.txt"), `${after}\n`);
    await writeFile(join(folder, "chapter.txt"), `${before}\n\n[[...]]\n\n${after}\n`);
    await writeFile(join(folder, "gaps.jsonl"), `${JSON.stringify({ p1: before, p3: after })}\n`);

    const hub = await HubServer.start();
    const demo = join(ROOT, "weights/demo");
    const files = await Promise.all(
      (await readdir(demo)).map(async (file) => [file, await readFile(join(demo, file))] as const),
    );
    hub.publish("gpt2", Object.fromEntries(files));
    return new Reader(folder, hub);
  }

  async leave(): Promise<void> {
    await this.hub.stop();
    await rm(this.folder, { recursive: true });
  }

  /** What the commands print, now or when they were run here before. */
  async once(commands: string): Promise<string> {
    const printed = this.printed.get(commands) ?? (await this.run(commands));
    this.printed.set(commands, printed);
    return printed;
  }

  /** What the commands print. Throws Error with it where one fails. */
  async run(commands: string): Promise<string> {
    const env = {
      ...process.env,
      PATH: join(this.folder, "programs"),
      SCRIPTS: Object.keys(packageJson.scripts).join(" "),
      HF_ENDPOINT: this.hub.endpoint,
      HF_HUB_CACHE: join(this.folder, "hub"),
      NO_PROXY: "127.0.0.1",
    };
    return this.said("/bin/bash", ["-c", SHELL + commands], { env });
  }

  /** What the module prints, with "LIVE", its GPU memory, where it destroys a device. */
  async runModule(code: string): Promise<string> {
    const source = (name: string): string => pathToFileURL(join(ROOT, "src", name)).href;
    const text = code
      .replaceAll(/"gpt2-webgpu\/([\w-]+)"/g, (_, entry: string) => JSON.stringify(source(`entries/${entry}.ts`)))
      .replaceAll('"gpt2-webgpu"', JSON.stringify(source("index.ts")));
    const file = join(this.folder, "snippet.mts");
    await writeFile(file, WATCH + text);
    return this.said(process.execPath, ["--import", "tsx", file], {});
  }

  /** All of a page. Throws Error for the first that fails, or prints other than the page says. */
  async follow(markdown: string): Promise<void> {
    const fences = fencesOf(markdown);
    let printed = "";
    for (const { language, text, before } of fences) {
      if (language === "sh") printed = await this.once(text.trim());
      if (language === "text" && before === "prints" && !words(printed).includes(words(text)))
        throw new Error(`The page says that this is printed:\n${text}\nand it was:\n${printed}`);
      if (language === "json") for (const line of text.trim().split("\n")) JSON.parse(line);
    }
    const code = fences.filter(({ language }) => language === "ts" || language === "js").map(({ text }) => text);
    if (code.length === 0) return;
    const live = (await this.runModule(code.join("\n"))).match(/^LIVE .*$/gm) ?? [];
    if (live.some((line) => line !== "LIVE 0 0"))
      throw new Error(`The snippets leave memory taken: ${live.join(", ")}`);
  }

  private async said(file: string, argv: readonly string[], options: { env?: NodeJS.ProcessEnv }): Promise<string> {
    try {
      const limits = { cwd: this.folder, maxBuffer: 1e8, timeout: 500_000 };
      const { stdout, stderr } = await promisify(execFile)(file, argv, { ...limits, ...options });
      return stdout + stderr;
    } catch (error) {
      const { stdout = "", stderr = "", message } = error as Error & { stdout?: string; stderr?: string };
      throw new Error(`${stdout}${stderr}` || message, { cause: error });
    }
  }
}
