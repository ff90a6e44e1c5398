// Text that was read from somewhere, made safe to stand in a page or a picture.

/** For text between tags and for quoted attributes, of HTML and of SVG. */
export function escapeHtml(value: string): string {
  return value.replace(/[&<>"']/g, (character) => `&#${character.codePointAt(0)};`);
}
