// The manuscript's editor: CodeMirror with the marks of Markdown shown as what they mean, undo, search, and the gaps.
import { defaultKeymap, history, historyKeymap } from "@codemirror/commands";
import { markdown } from "@codemirror/lang-markdown";
import { HighlightStyle, syntaxHighlighting } from "@codemirror/language";
import { search, searchKeymap } from "@codemirror/search";
import { Compartment, EditorSelection, EditorState } from "@codemirror/state";
import type { Extension, TransactionSpec } from "@codemirror/state";
import { drawSelection, EditorView, keymap, placeholder } from "@codemirror/view";
import { tags } from "@lezer/highlight";
import type { OpenGap, UndoRecord } from "../store/records.ts";
import { gapExtension, placeLabel } from "./gap-field.ts";
import { withUndoOf } from "./undo-record.ts";

const look = HighlightStyle.define([
  { tag: tags.heading1, fontSize: "1.6em", fontWeight: "700", lineHeight: "1.3" },
  { tag: tags.heading2, fontSize: "1.35em", fontWeight: "700", lineHeight: "1.35" },
  { tag: [tags.heading3, tags.heading4, tags.heading5, tags.heading6], fontSize: "1.15em", fontWeight: "700" },
  { tag: tags.strong, fontWeight: "700" },
  { tag: tags.emphasis, fontStyle: "italic" },
  { tag: [tags.processingInstruction, tags.angleBracket, tags.tagName], color: "var(--ink-soft)" },
]);

/** What the editor says, in the language in force. */
export interface EditorWords {
  readonly label: string;
  readonly placeholder: string;
  /** What stands in a gap that replaces nothing. */
  readonly gapHere: string;
  /** CodeMirror's own, by their English. */
  readonly phrases: Readonly<Record<string, string>>;
}

export interface EditorHooks {
  readonly onChange: (state: EditorState, changed: boolean) => void;
  readonly onPickGap: (id: string) => void;
  readonly onFill: () => boolean;
  readonly onStop: () => boolean;
}

const language = new Compartment();
const inLanguage = ({ label, placeholder: hint, gapHere, phrases }: EditorWords): Extension => [
  EditorState.phrases.of(phrases),
  placeholder(hint),
  placeLabel.of(gapHere),
  EditorView.contentAttributes.of({ "aria-label": label }),
];

/** The editor speaks another language from now on. */
export const setWords = (words: EditorWords): TransactionSpec => ({ effects: language.reconfigure(inLanguage(words)) });

const writing = new Compartment();
const writable = (may: boolean): Extension =>
  may ? [] : [EditorState.readOnly.of(true), EditorState.changeFilter.of(() => false)];

/** Whether the text may be changed, by anybody. */
export const setWritable = (may: boolean): TransactionSpec => ({ effects: writing.reconfigure(writable(may)) });

export interface EditorText {
  readonly text: string;
  readonly gaps: readonly OpenGap[];
  readonly undo: UndoRecord | undefined;
}

/** A document's own state: text, undo, gaps. */
export function editorState({ text, gaps, undo }: EditorText, words: EditorWords, hooks: EditorHooks): EditorState {
  const shortcuts = keymap.of([
    { key: "Mod-Enter", run: hooks.onFill },
    { key: "Escape", run: hooks.onStop },
    { key: "Mod-b", run: (view) => toggleMark(view, "**", "**") },
    { key: "Mod-i", run: (view) => toggleMark(view, "_", "_") },
    { key: "Mod-u", run: (view) => toggleMark(view, "<u>", "</u>") },
  ]);
  const extensions: Extension[] = [
    shortcuts,
    history({ newGroupDelay: 700 }),
    drawSelection(),
    EditorView.lineWrapping,
    markdown(),
    syntaxHighlighting(look),
    search({ top: true }),
    keymap.of([...defaultKeymap, ...historyKeymap, ...searchKeymap]),
    language.of(inLanguage(words)),
    EditorView.contentAttributes.of({ spellcheck: "true", autocapitalize: "sentences", tabindex: "0" }),
    writing.of(writable(true)),
    gapExtension(gaps, hooks.onPickGap),
    EditorView.updateListener.of(({ state, docChanged }) => hooks.onChange(state, docChanged)),
  ];
  return withUndoOf(undo, text, extensions);
}

/** Puts the marks around each selection, or takes them away. */
export function toggleMark(view: EditorView, open: string, close: string): boolean {
  const { state } = view;
  const change = state.changeByRange((range) => {
    const { from, to } = range;
    const has = state.sliceDoc(from - open.length, from) === open && state.sliceDoc(to, to + close.length) === close;
    if (has)
      return {
        changes: [
          { from: from - open.length, to: from },
          { from: to, to: to + close.length },
        ],
        range: EditorSelection.range(from - open.length, to - open.length),
      };
    return {
      changes: [
        { from, insert: open },
        { from: to, insert: close },
      ],
      range: EditorSelection.range(from + open.length, to + open.length),
    };
  });
  view.dispatch(change, { userEvent: "input.format", scrollIntoView: true });
  view.focus();
  return true;
}

/** The line at the cursor: a part, a chapter, plain text again. */
export function toggleHeading(view: EditorView): void {
  const line = view.state.doc.lineAt(view.state.selection.main.head);
  const marks = /^#{1,6}[ \t]+/.exec(line.text)?.[0] ?? "";
  const next = marks === "" ? "## " : marks.trim().length === 2 ? "# " : "";
  view.dispatch({
    changes: { from: line.from, to: line.from + marks.length, insert: next },
    userEvent: "input.format",
  });
  view.focus();
}
