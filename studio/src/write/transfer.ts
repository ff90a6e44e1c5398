// Documents from files and to files: txt, md, docx and epub in; txt, md and docx out. The libraries for Word come when
// they are first needed.
import { blocksOf, escapeMarks, separatorOf, textOfRuns } from "./markdown.ts";
import type { Block, Run } from "./markdown.ts";
import { textReader } from "./text-reader.ts";

export const IMPORTS = ".txt,.md,.markdown,.docx,.epub";
export const EXPORTS = ["md", "txt", "docx"] as const;
export type ExportFormat = (typeof EXPORTS)[number];

export interface Imported {
  readonly title: string;
  readonly text: string;
}

/** Throws UserError, or what the file's own reader throws, for what cannot be read. */
export async function importFile(file: File): Promise<Imported> {
  const title = file.name.replace(/\.[^.]+$/, "");
  const bytes = new Uint8Array(await file.arrayBuffer());
  if (/\.docx$/i.test(file.name)) return { title, text: await fromDocx(bytes) };
  const { text, markup, isMarkdown } = await textReader().book(bytes, file.name);
  if (/\.(?:md|markdown|txt|text)$/i.test(file.name)) {
    // As it is: what the reader of books takes out is the writer's here.
    const own = new TextDecoder("utf-8", { fatal: true });
    const asWritten = attempt(() => own.decode(bytes)) ?? text;
    return { title, text: unwrapped(asWritten.replace(/^\uFEFF/, "").replace(/\r\n?/g, "\n"), isMarkdown ?? false) };
  }
  const lines = text
    .split("\n")
    .map((line, i) => (markup?.headings.has(i) ? `\n## ${line.trim()}\n` : escapeMarks(line)));
  return {
    title: markup?.header.title ?? title,
    text: unwrapped(
      lines
        .join("\n")
        .replace(/\n{3,}/g, "\n\n")
        .trim(),
      true,
    ),
  };
}

function attempt<R>(act: () => R): R | undefined {
  try {
    return act();
  } catch {
    return undefined;
  }
}

/** Lines that a machine broke (most of them about as long as the longest) as paragraphs of one line. */
function unwrapped(text: string, isMarkdown: boolean): string {
  if (separatorOf(text) === "\n") return text;
  const blocks = text.split(/\n[^\S\n]*\n/);
  const inner = blocks.flatMap((block) => block.split("\n").slice(0, -1)).filter((line) => line.trim() !== "");
  const isWrapped =
    inner.length > 3 && inner.filter(({ length }) => length > 45 && length < 100).length > inner.length * 0.7;
  if (!isWrapped) return text;
  const isOwn = (line: string): boolean => isMarkdown && /^(?:#{1,6}\s|[-*+>]\s|\d+[.)]\s)/.test(line);
  return blocks
    .map((block) =>
      block
        .split("\n")
        .reduce(
          (joined, line) =>
            joined === "" || isOwn(line) || isOwn(joined)
              ? `${joined}${joined && "\n"}${line}`
              : `${joined} ${line.trim()}`,
          "",
        ),
    )
    .join("\n\n");
}

async function fromDocx(bytes: Uint8Array): Promise<string> {
  const { default: mammoth } = await import("mammoth");
  const { value } = await mammoth.convertToHtml({ arrayBuffer: bytes.slice().buffer }, { styleMap: ["u => u"] });
  const { body } = new DOMParser().parseFromString(value, "text/html");
  const paragraphs: string[] = [];
  const walk = (parent: Element): void => {
    for (const child of parent.children) {
      const level = /^H([1-6])$/.exec(child.tagName)?.[1];
      if (level !== undefined) paragraphs.push(`${"#".repeat(Number(level))} ${marked(child).trim()}`);
      else if (/^(?:P|LI)$/.test(child.tagName)) paragraphs.push(marked(child).trim());
      else walk(child);
    }
  };
  walk(body);
  return paragraphs.filter((each) => each !== "" && !/^#+ $/.test(each)).join("\n\n");
}

/** An element's text with our marks. */
function marked(node: Node): string {
  if (node.nodeType === Node.TEXT_NODE) return escapeMarks(node.textContent ?? "");
  const inner = [...node.childNodes].map(marked).join("");
  const [, before, core, after] = /^(\s*)([^]*?)(\s*)$/.exec(inner)!;
  const mark = { STRONG: ["**", "**"], EM: ["_", "_"], U: ["<u>", "</u>"] }[(node as Element).tagName];
  if ((node as Element).tagName === "BR") return " ";
  return mark && core !== "" ? `${before}${mark[0]}${core}${mark[1]}${after}` : inner;
}

export async function exportFile(text: string, format: ExportFormat): Promise<Blob> {
  switch (format) {
    case "md":
      return new Blob([`${text.trimEnd()}\n`], { type: "text/markdown;charset=utf-8" });
    case "txt":
      return new Blob([`${plainText(text)}\n`], { type: "text/plain;charset=utf-8" });
    case "docx":
      return toDocx(blocksOf(text));
  }
}

export function plainText(text: string): string {
  return blocksOf(text)
    .map((block) => (block.kind === "break" ? "* * *" : textOfRuns(block.runs)))
    .join(separatorOf(text));
}

async function toDocx(blocks: readonly Block[]): Promise<Blob> {
  const { Document, HeadingLevel, Packer, Paragraph, TextRun } = await import("docx");
  const runsOf = (runs: readonly Run[]): InstanceType<typeof TextRun>[] =>
    runs.map(
      ({ text, bold, italic, underline }) => new TextRun({ text, bold, italics: italic, underline: underline && {} }),
    );
  const levels = [
    HeadingLevel.HEADING_1,
    HeadingLevel.HEADING_2,
    HeadingLevel.HEADING_3,
    HeadingLevel.HEADING_4,
    HeadingLevel.HEADING_5,
    HeadingLevel.HEADING_6,
  ];
  const children = blocks.map((block) => {
    if (block.kind === "break") return new Paragraph({ text: "* * *" });
    const heading = block.kind === "heading" ? { heading: levels[block.level - 1] } : {};
    return new Paragraph({ ...heading, children: runsOf(block.runs) });
  });
  return Packer.toBlob(new Document({ sections: [{ children }] }));
}
