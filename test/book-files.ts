// A small book of our own in every format that is read, made in memory: three chapters with words in italics, a scene
// break, a note, contents, and a heading for each chapter.
import JSZip from "jszip";

export interface TestParagraph {
  /** With italics as _in plain text_, and at most one mark of a note, "[1]". */
  readonly text: string;
}

export interface TestBook {
  readonly title: string;
  readonly chapters: readonly { readonly title: string; readonly paragraphs: readonly string[] }[];
  /** Of the mark [1]. */
  readonly note: string;
}

/** Stands between two scenes. */
export const SCENE_BREAK = "* * *";

const place = ["mill", "harbour", "market", "church", "bridge", "forest"];
function paragraph(chapter: number, i: number): string {
  const where = place[(chapter + i) % place.length];
  return (
    `On day ${i} of the month number ${chapter} the old man walked from the ${where} to the inn, and _nobody_ ` +
    `who saw ` +
    `him there believed that he would ever come back. “You are late,” said Anna, and she counted up to ` +
    `${i + chapter} while she took his coat.`
  );
}

export const BOOK: TestBook = {
  title: "The Miller & His Daughter",
  chapters: [1, 2, 3].map((chapter) => ({
    title: ["The Storm", "A Letter from Town", "The Way Home"][chapter - 1]!,
    paragraphs: [
      ...Array.from({ length: 6 }, (_, i) => paragraph(chapter, i + 1)),
      SCENE_BREAK,
      ...Array.from(
        { length: 6 },
        (_, i) => paragraph(chapter, i + 7) + (chapter === 2 && i === 2 ? " He laughed.[1]" : ""),
      ),
    ],
  })),
  note: "This inn was burnt down in the following year, as everybody in the valley remembers well.",
};

export const utf8 = (text: string): Uint8Array => new TextEncoder().encode(text);
export const escaped = (text: string): string =>
  text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");

export function asText({ title, chapters, note }: TestBook): string {
  const wrap = (text: string): string => text.replace(/(.{50,70}) /g, "$1\n");
  return [
    `${title.toUpperCase()}`,
    `CONTENTS\n\n${chapters.map((chapter, i) => `  Chapter ${i + 1}. ${chapter.title}  ${i * 10 + 1}`).join("\n")}`,
    ...chapters.map(
      (chapter, i) => `Chapter ${i + 1}. ${chapter.title}\n\n\n${chapter.paragraphs.map(wrap).join("\n\n")}`,
    ),
    `FOOTNOTES\n\n[1] ${wrap(note)}`,
  ].join("\n\n\n\n");
}

export function asMarkdown({ title, chapters, note }: TestBook): string {
  const body = (text: string): string =>
    text === SCENE_BREAK ? "---" : text.replace(/_(\w+)_/g, "*$1*").replace("[1]", "[^1]");
  return [
    `# ${title}`,
    "<!-- a draft\n\nthat nobody should read as the story, because it is a comment of the author's own -->",
    "![The mill, as it was](mill.png)",
    ...chapters.flatMap((chapter, i) => [`## Chapter ${i + 1}. ${chapter.title}`, ...chapter.paragraphs.map(body)]),
    `[^1]: ${note}`,
  ].join("\n\n");
}

const italics = (text: string): string => escaped(text).replace(/_(\w+)_/g, "<em>$1</em>");

export function chapterHtml({ title, paragraphs }: TestBook["chapters"][number], i: number, note = "#note1"): string {
  const body = paragraphs.map((text) =>
    text === SCENE_BREAK
      ? "<hr/>"
      : `<p>${italics(text).replace("[1]", `<a class="fnanchor" id="ref1" href="${note}">[1]</a>`)}</p>`,
  );
  return `<h2 id="c${i + 1}">Chapter ${i + 1}. ${escaped(title)}</h2>\n${body.join("\n")}`;
}

/** As Project Gutenberg makes its pages: header and licence, contents, numbers of pages, a picture. */
export function asHtml({ title, chapters, note }: TestBook): string {
  const licence =
    "<p>This eBook is for the use of anyone anywhere. You may copy it under the terms of the Project Gutenberg " +
    "License included with this eBook; the foundation accepts donations in many ways.</p>";
  const endMark = `<div>*** END OF THE PROJECT GUTENBERG EBOOK ${escaped(title.toUpperCase())} ***</div>`;
  const contents = chapters.map(
    (chapter, i) => `<tr><td>${i + 1}.</td><td><a href="#c${i + 1}">${escaped(chapter.title)}</a></td></tr>`,
  );
  const bodies = chapters.map((chapter, i) =>
    chapterHtml(chapter, i).replace("walked from", `walked <span class="pagenum">[Pg ${i + 3}]</span>from`),
  );
  return `<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8"/><title>${escaped(title)}</title>
<style>p { margin: 1em }</style><script>if (1 < 2) document.write("<p>No</p>");</script></head><body>
<section id="pg-header"><h2>The Project Gutenberg eBook of ${escaped(title)}</h2>${licence}
<div><p><strong>Title</strong>: ${escaped(title)}</p><p><strong>Author</strong>: Nobody Known</p>
<p><strong>Language</strong>: English</p></div>
<div>*** START OF THE PROJECT GUTENBERG EBOOK ${escaped(title.toUpperCase())} ***</div></section>
<h1>${escaped(title)}</h1><div class="figcenter"><img src="a.jpg" alt="A mill"/><p class="caption">The old mill in the
valley, as a painter saw it one summer, with a man who may be the hero.</p></div>
<table>${contents.join("\n")}</table>
${bodies.join('\n<hr class="chap"/>\n')}
<div class="footnotes"><h3>Footnotes</h3><p id="note1"><a href="#ref1">[1]</a> ${escaped(note)}</p></div>
<section id="pg-footer">${endMark}${licence}</section>
</body></html>`;
}

const W = 'xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main"';
const RELATIONS = "http://schemas.openxmlformats.org/officeDocument/2006/relationships";
const PACKAGE = "http://schemas.openxmlformats.org/package/2006";
const WORD = "application/vnd.openxmlformats-officedocument.wordprocessingml";
const XML = '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>\n';

function run(text: string, properties = ""): string {
  return `<w:r>${properties && `<w:rPr>${properties}</w:rPr>`}<w:t xml:space="preserve">${escaped(text)}</w:t></w:r>`;
}

function styled(style: string, content: string): string {
  return `<w:p><w:pPr><w:pStyle w:val="${style}"/></w:pPr>${content}</w:p>`;
}

export async function asDocx({ title, chapters, note }: TestBook, document = ""): Promise<Uint8Array> {
  const paragraph = (text: string): string => {
    const runs = text.split(/_(\w+)_|(\[1\])/).map((part, i) => {
      if (part === undefined || part === "") return "";
      if (i % 3 === 1) return run(part, "<w:i/>");
      return i % 3 === 2 ? '<w:r><w:footnoteReference w:id="2"/></w:r>' : run(part);
    });
    return `<w:p>${runs.join("")}</w:p>`;
  };
  const body = [
    styled("Title", run(title)),
    styled("TOCHeading", run("Contents")),
    ...chapters.map((chapter, i) => styled("TOC1", run(`Chapter ${i + 1}. ${chapter.title}`))),
    ...chapters.flatMap((chapter, i) => [
      styled("berschrift1", run(`Chapter ${i + 1}. ${chapter.title}`)),
      ...chapter.paragraphs.map(paragraph),
    ]),
  ].join("");
  const style = (id: string, name: string): string =>
    `<w:style w:type="paragraph" w:styleId="${id}"><w:name w:val="${name}"/></w:style>`;
  const zip = new JSZip();
  const override = (part: string, type: string): string =>
    `<Override PartName="/word/${part}.xml" ContentType="${WORD}.${type}+xml"/>`;
  zip.file(
    "[Content_Types].xml",
    `${XML}<Types xmlns="${PACKAGE}/content-types"><Default Extension="rels" ` +
      `ContentType="application/vnd.openxmlformats-package.relationships+xml"/>` +
      `${override("document", "document.main")}${override("styles", "styles")}` +
      `${override("footnotes", "footnotes")}</Types>`,
  );
  const relation = (id: string, type: string, target: string): string =>
    `<Relationship Id="${id}" Type="${RELATIONS}/${type}" Target="${target}"/>`;
  const relations = (all: string): string =>
    `${XML}<Relationships xmlns="${PACKAGE}/relationships">${all}</Relationships>`;
  zip.file("_rels/.rels", relations(relation("r1", "officeDocument", "word/document.xml")));
  zip.file(
    "word/_rels/document.xml.rels",
    relations(relation("r1", "styles", "styles.xml") + relation("r2", "footnotes", "footnotes.xml")),
  );
  const styles = [
    style("Title", "Title"),
    style("berschrift1", "heading 1"),
    style("TOC1", "toc 1"),
    style("TOCHeading", "TOC Heading"),
  ];
  zip.file("word/styles.xml", `${XML}<w:styles ${W}>${styles.join("")}</w:styles>`);
  zip.file(
    "word/footnotes.xml",
    `${XML}<w:footnotes ${W}><w:footnote w:id="2"><w:p>${run(note)}</w:p></w:footnote></w:footnotes>`,
  );
  zip.file("word/document.xml", document || `${XML}<w:document ${W}><w:body>${body}</w:body></w:document>`);
  return zip.generateAsync({ type: "uint8array", compression: "DEFLATE" });
}

export interface EpubChanges {
  /** Parts to add or replace; null: to leave out. */
  readonly parts?: Readonly<Record<string, string | null>>;
}

export async function asEpub(
  { title, chapters, note }: TestBook,
  { parts = {} }: EpubChanges = {},
): Promise<Uint8Array> {
  const page = (content: string): string =>
    `<?xml version="1.0" encoding="utf-8"?>\n<html xmlns="http://www.w3.org/1999/xhtml" ` +
    `xmlns:epub="http://www.idpf.org/2007/ops">` +
    `<head><title/><link rel="stylesheet" href="style.css"/></head><body>${content}</body></html>`;
  // Some chapters are in the order of the spine alone, and not in that of their names.
  const files = ["z", "m", "a"];
  const all: Record<string, string | null> = {
    "META-INF/container.xml":
      '<container xmlns="urn:oasis:names:tc:opendocument:xmlns:container" version="1.0"><rootfiles>' +
      '<rootfile full-path="OEBPS/book.opf" media-type="application/oebps-package+xml"/></rootfiles></container>',
    "OEBPS/book.opf":
      '<?xml version="1.0"?><package xmlns="http://www.idpf.org/2007/opf" version="3.0">' +
      '<metadata xmlns:dc="http://purl.org/dc/elements/1.1/">' +
      `<dc:title>${escaped(title)}</dc:title><dc:creator>Nobody ` +
      `Known</dc:creator><dc:language>en-GB</dc:language></metadata>` +
      `<manifest><item id="nav" href="nav.xhtml" properties="nav" media-type="application/xhtml+xml"/>` +
      `<item id="imprint" href="imprint.xhtml" media-type="application/xhtml+xml"/>` +
      `<item id="notes" href="notes.xhtml" media-type="application/xhtml+xml"/>` +
      `<item id="style" href="style.css" media-type="text/css"/>` +
      files
        .map((file) => `<item id="${file}" href="text/${file}%20.xhtml" media-type="application/xhtml+xml"/>`)
        .join("") +
      `</manifest><spine><itemref idref="imprint"/><itemref idref="nav"/>` +
      `${files.map((file) => `<itemref idref="${file}"/>`).join("")}<itemref idref="notes" ` +
      `linear="no"/></spine></package>`,
    "OEBPS/nav.xhtml": page(
      `<nav epub:type="toc"><ol>` +
        files
          .map((file, i) => [file, `Chapter ${i + 1}. ${escaped(chapters[i]!.title)}`])
          .map(([file, title]) => `<li><a href="text/${file}%20.xhtml">${title}</a></li>`)
          .join("") +
        `</ol></nav>`,
    ),
    "OEBPS/imprint.xhtml": page(
      `<p>${escaped(title)} by Nobody Known.</p><p>Copyright by nobody. All rights reserved, and no part of ` +
        `this book may be ` +
        `copied without the permission of its publisher, who gives it gladly.</p><p>ISBN 000-0-00-000000-0</p>`,
    ),
    "OEBPS/notes.xhtml": page(`<aside epub:type="footnote" id="n1"><p>${escaped(note)}</p></aside>`),
    "OEBPS/style.css": "p { margin: 0 }",
  };
  for (const [i, file] of files.entries())
    all[`OEBPS/text/${file} .xhtml`] = page(
      `<section epub:type="chapter">${chapterHtml(chapters[i]!, i, "../notes.xhtml#n1")}</section>`,
    );
  const zip = new JSZip();
  zip.file("mimetype", "application/epub+zip");
  for (const [part, content] of Object.entries({ ...all, ...parts })) if (content !== null) zip.file(part, content);
  return zip.generateAsync({ type: "uint8array", compression: "DEFLATE" });
}
