// Where a link inside a book leads.

const SCHEME = /^(?:[a-z][a-z\d+.-]*:|\/\/)/i;

/**
 * "path#id" of what `href`, standing in the document at `path`, points to ("path#" for a whole document); undefined
 * where it leads out of the book.
 */
export function linkTarget(href: string, path: string): string | undefined {
  if (href === "" || SCHEME.test(href)) return undefined;
  const [file = "", id = ""] = href.split("#");
  return `${file === "" ? path : partPath(file, path)}#${decoded(id)}`;
}

/** The path of a part that `href`, standing in the part at `base`, names. It cannot leave the archive. */
export function partPath(href: string, base: string): string {
  const [file = ""] = href.split(/[?#]/);
  const steps = file.startsWith("/") ? [] : base.split("/").slice(0, -1);
  for (const step of decoded(file).split("/")) {
    if (step === "..") steps.pop();
    else if (step !== "" && step !== ".") steps.push(step);
  }
  return steps.join("/");
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text; // a percent sign that is one
  }
}
