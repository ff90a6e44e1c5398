// XML by htmlparser2: the small files of an EPUB (container, package, contents) as a list of their elements, and how
// deep the elements of any are nested. Entities of a document type are not expanded, so that none can grow.
import { Parser } from "htmlparser2";

export interface XmlElement {
  /** Without its prefix, in lower case. */
  readonly name: string;
  readonly attributes: Readonly<Record<string, string>>;
  readonly parent: XmlElement | undefined;
  /** Of the element and all inside it. */
  text: string;
}

/** Elements inside one another; such files have ten, or as many as their contents have levels. */
const DEEPEST = 100;

/** In the order of their beginnings; undefined where they are nested deeper than any such file. */
export function xmlElements(xml: string): readonly XmlElement[] | undefined {
  const found: XmlElement[] = [];
  const open: XmlElement[] = [];
  let isTooDeep = false;
  const parser = new Parser(
    {
      onopentag(name, attributes) {
        const element = { name: name.replace(/^.*:/, "").toLowerCase(), attributes, parent: open.at(-1), text: "" };
        open.push(element);
        isTooDeep ||= open.length > DEEPEST;
        if (isTooDeep) parser.pause();
        else found.push(element);
      },
      onclosetag: () => void open.pop(),
      ontext(text) {
        for (const element of open) element.text += text;
      },
    },
    { xmlMode: true },
  );
  parser.write(xml);
  if (isTooDeep) return undefined;
  parser.end();
  return found;
}

/** Whether more than `most` elements stand inside one another. */
export function isNestedDeeper(xml: string, most: number): boolean {
  let depth = 0;
  let isDeeper = false;
  const parser = new Parser(
    {
      onopentagname() {
        isDeeper ||= ++depth > most;
        if (isDeeper) parser.pause();
      },
      onclosetag: () => void depth--,
    },
    { xmlMode: true },
  );
  parser.write(xml);
  return isDeeper;
}
