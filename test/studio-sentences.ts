// What the sources that make the studio's page say: every sentence of an error or a note, by reading the code.
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import { fileURLToPath } from "node:url";
import { parseAst } from "vite";

const ROOT = fileURLToPath(new URL("..", import.meta.url));

interface Node {
  readonly type: string;
  readonly [field: string]: unknown;
}

export interface Said {
  /** From the project's root. */
  readonly file: string;
  /** What is put in stands as VALUE. */
  readonly text: string;
}

const isNode = (value: unknown): value is Node => typeof value === "object" && value !== null && "type" in value;

/** What an expression says; undefined where it is no text. */
function textOf(node: Node): string | undefined {
  if (node.type === "Literal") return typeof node.value === "string" ? node.value : undefined;
  if (node.type === "TemplateLiteral")
    return (node.quasis as { value: { cooked: string } }[]).map(({ value }) => value.cooked).join("VALUE");
  if (node.type !== "BinaryExpression" || node.operator !== "+") return undefined;
  const [left, right] = [textOf(node.left as Node), textOf(node.right as Node)];
  return left === undefined && right === undefined ? undefined : (left ?? "VALUE") + (right ?? "VALUE");
}

/** All nodes below, each before what it is made of. */
function* nodesIn(value: unknown): Generator<Node> {
  if (typeof value !== "object" || value === null) return;
  if (isNode(value)) yield value;
  for (const each of Object.values(value)) yield* nodesIn(each);
}

const parse = (file: string): Node =>
  parseAst(readFileSync(file, "utf8"), { lang: file.endsWith("x") ? "tsx" : "ts" }) as unknown as Node;

/** All texts of the package's sources, pieces that are joined by + as one; not of what the command line alone says. */
export function allTexts(): string[] {
  const src = join(ROOT, "src");
  return readdirSync(src, { recursive: true, encoding: "utf8" })
    .filter((file) => file.endsWith(".ts") && !/^(?:cli|doctor)\//.test(file))
    .flatMap((file) => [...nodesIn(parse(join(src, file)))].flatMap((node) => textOf(node) ?? []));
}

/** What a node imports, workers too (new URL("./x.ts", import.meta.url)); types leave nothing in a page. */
function importOf(node: Node): unknown {
  if (["ImportDeclaration", "ExportNamedDeclaration", "ExportAllDeclaration"].includes(node.type))
    return (node.importKind ?? node.exportKind) === "type" ? undefined : (node.source as Node | null)?.value;
  if (node.type === "ImportExpression") return (node.source as Node).value;
  if (node.type === "NewExpression" && (node.callee as Node).name === "URL")
    return (node.arguments as readonly Node[])[0]?.value;
  return undefined;
}

/** The modules that the page and its workers are made of, from the project's root. */
export function modulesOfPage(): Map<string, Node> {
  const modules = new Map<string, Node>();
  const add = (file: string): void => {
    const name = relative(ROOT, file);
    if (modules.has(name) || !/\.tsx?$/.test(file) || !existsSync(file)) return;
    const program = parse(file);
    modules.set(name, program);
    for (const node of nodesIn(program)) {
      const imported = importOf(node);
      if (typeof imported === "string" && /^\.{1,2}\//.test(imported)) add(join(dirname(file), imported));
    }
  };
  add(join(ROOT, "studio", "src", "main.tsx"));
  return modules;
}

/** Errors of the language: they tell of a fault of the program, not of anything that a writer did. */
const OWN_FAULTS = new Set(["SaidError", "Error", "RangeError", "TypeError", "DOMException"]);
/** What a note is given to. */
const NOTES = new Set(["onNote", "note", "tell"]);

/** Every sentence that an error of the user's or a note has, in the modules of the page. */
export function saidInPage(): Said[] {
  return [...modulesOfPage()].flatMap(([file, program]) =>
    [...nodesIn(program)].flatMap((node): Said[] => {
      if (node.type !== "NewExpression" && node.type !== "CallExpression") return [];
      const callee = node.callee as Node;
      const args = node.arguments as readonly Node[];
      const name = (callee.name ?? (callee.property as Node | undefined)?.name) as string | undefined;
      // An error of the class of another one: new (error.constructor as ...)(...).
      const makesError = node.type === "NewExpression" && (name === undefined || /Error$/.test(name));
      if (makesError && !OWN_FAULTS.has(name!)) return args[0] ? [{ file, text: textOf(args[0]) ?? "VALUE" }] : [];
      if (node.type !== "CallExpression" || !NOTES.has(name!)) return [];
      const note = name === "tell" ? (args[0]?.value === "note" ? args[1] : undefined) : args[0];
      return note ? [{ file, text: textOf(note) ?? "VALUE" }] : [];
    }),
  );
}
