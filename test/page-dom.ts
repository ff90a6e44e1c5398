// As much of a browser's document as the page of --explain uses, read from its HTML: enough to run its script and press
// its keys. Selectors are tag, #id, .class and [attribute="value"], joined, with blanks for descendants.
import { createContext, Script } from "node:vm";

type Listener = (event: FakeEvent) => void;
export interface FakeEvent {
  readonly type: string;
  readonly target: Element;
  readonly key?: string;
  readonly pointerType?: string;
  preventDefault(): void;
}

const VOID = new Set(["meta", "input", "br"]);
const RAW = new Set(["script", "style", "title"]);

export class Element {
  readonly attributes = new Map<string, string>();
  readonly children: (Element | string)[] = [];
  readonly style: Record<string, unknown> & { setProperty(name: string, value: string): void };
  readonly styles = new Map<string, string>();
  /** Rectangles drawn on a canvas. */
  drawn = 0;
  value = "";
  checked = false;
  scrollLeft = 0;
  width = 0;
  height = 0;
  clientWidth = 100;
  private readonly listeners = new Map<string, Listener[]>();
  readonly tag: string;
  parent: Element | undefined;

  constructor(tag: string, parent?: Element) {
    this.tag = tag;
    this.parent = parent;
    this.style = { setProperty: (name, value) => void this.styles.set(name, value) };
  }

  get dataset(): Record<string, string> {
    return Object.fromEntries(
      [...this.attributes].filter(([name]) => name.startsWith("data-")).map(([name, value]) => [name.slice(5), value]),
    );
  }
  get className(): string {
    return this.attributes.get("class") ?? "";
  }
  set className(value: string) {
    this.attributes.set("class", value);
  }
  get hidden(): boolean {
    return this.attributes.has("hidden");
  }
  set hidden(value: boolean) {
    if (value) this.attributes.set("hidden", "");
    else this.attributes.delete("hidden");
  }
  get tabIndex(): number {
    return Number(this.attributes.get("tabindex") ?? -1);
  }
  set tabIndex(value: number) {
    this.attributes.set("tabindex", String(value));
  }
  get classList(): { contains(name: string): boolean; toggle(name: string, on: boolean): void } {
    const names = new Set(this.className.split(" ").filter(Boolean));
    return {
      contains: (name) => names.has(name),
      toggle: (name, on) => {
        if (on) names.add(name);
        else names.delete(name);
        this.className = [...names].join(" ");
      },
    };
  }
  get textContent(): string {
    return this.children.map((child) => (typeof child === "string" ? child : child.textContent)).join("");
  }
  set textContent(text: string) {
    this.replaceChildren(text);
  }

  append(...children: (Element | string)[]): void {
    for (const child of children) if (child instanceof Element) child.parent = this;
    this.children.push(...children);
  }
  replaceChildren(...children: (Element | string)[]): void {
    this.children.length = 0;
    this.append(...children);
  }
  getAttribute(name: string): string | null {
    return this.attributes.get(name) ?? null;
  }
  setAttribute(name: string, value: string): void {
    this.attributes.set(name, value);
  }
  addEventListener(type: string, listener: Listener): void {
    this.listeners.set(type, [...(this.listeners.get(type) ?? []), listener]);
  }
  getBoundingClientRect(): Record<string, number> {
    return { left: 0, right: 0, top: 0, bottom: 0, width: 0 };
  }
  getContext(): object {
    return {
      fillRect: () => {
        this.drawn++;
      },
    };
  }
  focus(): void {
    this.fire("focusin");
  }

  /** Tells this element and those around it, from the inside out. */
  fire(type: string, extra: { readonly key?: string; readonly pointerType?: string } = {}): void {
    const event: FakeEvent = { type, target: this, preventDefault: () => {}, ...extra };
    for (const at of type === "pointerleave" ? [this] : outwards(this))
      for (const listener of at.listeners.get(type) ?? []) listener(event);
  }

  matches(compound: string): boolean {
    return [...compound.matchAll(/([#.]?)([\w-]+)|\[([\w-]+)(?:="([^"]*)")?\]/g)].every(
      ([, kind, name, attribute, value]) => {
        if (attribute !== undefined)
          return this.attributes.has(attribute) && (value === undefined || this.attributes.get(attribute) === value);
        return kind === "#"
          ? this.attributes.get("id") === name
          : kind === "."
            ? this.classList.contains(name)
            : this.tag === name;
      },
    );
  }
  closest(compound: string): Element | null {
    return outwards(this).find((element) => element.matches(compound)) ?? null;
  }
  querySelectorAll(selector: string): Element[] {
    const compounds = selector.split(" "),
      last = compounds.pop()!;
    return this.descendants().filter(
      (element) =>
        element.matches(last) &&
        compounds.reduceRight<Element | null>(
          (at, compound) => at && (at.parent?.closest(compound) ?? null),
          element,
        ) !== null,
    );
  }
  private descendants(): Element[] {
    return this.children.flatMap((child) => (typeof child === "string" ? [] : [child, ...child.descendants()]));
  }
}

/** An element and those around it. */
function outwards(element: Element): Element[] {
  return [element, ...(element.parent ? outwards(element.parent) : [])];
}

function decoded(text: string): string {
  return text.replace(/&#(\d+);/g, (_, code: string) => String.fromCodePoint(Number(code)));
}

/** The element tree of a page. Throws Error where tags do not close as they opened. */
export function parsePage(html: string): Element {
  const root = new Element("#document");
  let at = root,
    rest = html.replace(/^<!doctype html>\s*/, "");
  while (rest !== "") {
    const text = /^[^<]+/.exec(rest)?.[0];
    if (text !== undefined) {
      at.append(decoded(text));
      rest = rest.slice(text.length);
      continue;
    }
    const tag = /^<(\/?)([a-z][\w]*)((?:\s+[\w-]+(?:="[^"]*")?)*)\s*(\/?)>/i.exec(rest);
    if (!tag) throw new Error(`not a tag: ${rest.slice(0, 60)}`);
    const [whole, closing, name, attributes, own] = tag;
    rest = rest.slice(whole.length);
    if (closing) {
      if (at.tag !== name) throw new Error(`</${name}> closes <${at.tag}>`);
      at = at.parent!;
      continue;
    }
    const element = new Element(name, at);
    for (const [, key, value = ""] of attributes.matchAll(/([\w-]+)(?:="([^"]*)")?/g))
      element.attributes.set(key, decoded(value));
    at.append(element);
    if (RAW.has(name)) {
      const end = rest.indexOf(`</${name}>`);
      element.append(rest.slice(0, end));
      rest = rest.slice(end + name.length + 3);
    } else if (!own && !VOID.has(name)) at = element;
  }
  if (at !== root) throw new Error(`<${at.tag}> is not closed`);
  return root;
}

export interface OpenPage {
  readonly root: Element;
  readonly location: { hash: string };
  one(selector: string): Element;
  all(selector: string): Element[];
  /** Evaluates an expression among the script's own names. */
  evaluate(expression: string): unknown;
}

/** Opens a page at an address's hash and runs its script. */
export function openPage(html: string, hash = ""): OpenPage {
  const root = parsePage(html);
  const location = { hash };
  const all = (selector: string): Element[] => root.querySelectorAll(selector);
  const document = {
    getElementById: (id: string) => all(`#${id}`)[0] ?? null,
    querySelectorAll: all,
    createElement: (tag: string) => new Element(tag),
    addEventListener: (type: string, listener: Listener) => root.addEventListener(type, listener),
    documentElement: root,
  };
  const context = createContext({
    document,
    location,
    atob,
    history: {
      replaceState: (_state: unknown, _title: string, address: string) => {
        location.hash = address;
      },
    },
    getComputedStyle: () => ({ getPropertyValue: () => "0 0 0", position: "static" }),
    addEventListener: () => {},
    scrollBy: () => {},
    requestAnimationFrame: (draw: () => void) => draw(),
  });
  const source = all("script").at(-1)!.textContent;
  // What the script keeps to itself, for evaluate().
  new Script(source.replace(/\}\)\(\);$/, "globalThis.inside = (expression) => eval(expression);\n})();")).runInContext(
    context,
  );
  return {
    root,
    location,
    all,
    one: (selector) => all(selector)[0],
    evaluate: (expression) => (context as { inside(expression: string): unknown }).inside(expression),
  };
}
