// The gaps of a document in its editor: they follow edits, are shown in the text, and come back with undo.
import { invertedEffects } from "@codemirror/commands";
import { Facet, StateEffect, StateField } from "@codemirror/state";
import type { ChangeDesc, EditorState, Extension, Transaction } from "@codemirror/state";
import { Decoration, EditorView, MatchDecorator, ViewPlugin, WidgetType } from "@codemirror/view";
import type { DecorationSet, ViewUpdate } from "@codemirror/view";
import type { OpenGap } from "../store/records.ts";

interface Gaps {
  readonly all: readonly OpenGap[];
  readonly active: string | undefined;
}

function moved(gap: OpenGap, changes: ChangeDesc): OpenGap {
  if (gap.from === gap.to) {
    const at = changes.mapPos(gap.from, 1);
    return { ...gap, from: at, to: at };
  }
  const from = changes.mapPos(gap.from, 1);
  return { ...gap, from, to: Math.max(from, changes.mapPos(gap.to, -1)) };
}

export const openGap = StateEffect.define<OpenGap>({ map: moved });
export const closeGap = StateEffect.define<string>();
export const activateGap = StateEffect.define<string | undefined>();

const gapsField = StateField.define<Gaps>({
  create: () => ({ all: [], active: undefined }),
  update(value, transaction) {
    let { all, active } = value;
    if (transaction.docChanged) all = all.map((gap) => moved(gap, transaction.changes));
    for (const effect of transaction.effects) {
      if (effect.is(openGap)) {
        const opened = effect.value;
        all = [...all.filter(({ id }) => id !== opened.id), opened].sort((a, b) => a.from - b.from);
        active = opened.id;
      } else if (effect.is(closeGap)) {
        all = all.filter(({ id }) => id !== effect.value);
        if (active === effect.value) active = undefined;
      } else if (effect.is(activateGap)) active = effect.value;
    }
    return all === value.all && active === value.active ? value : { all, active };
  },
});

class PlaceWidget extends WidgetType {
  readonly gap: OpenGap;
  readonly label: string;
  readonly isActive: boolean;

  constructor(gap: OpenGap, label: string, isActive: boolean) {
    super();
    this.gap = gap;
    this.label = label;
    this.isActive = isActive;
  }

  override eq(other: PlaceWidget): boolean {
    return other.gap.id === this.gap.id && other.label === this.label && other.isActive === this.isActive;
  }

  override toDOM(): HTMLElement {
    const mark = document.createElement("span");
    mark.className = `gap-place${this.isActive ? " active" : ""}`;
    mark.dataset.gap = this.gap.id;
    mark.textContent = this.label;
    return mark;
  }

  override ignoreEvent(): boolean {
    return false;
  }
}

/** What stands in a gap that replaces nothing. */
export const placeLabel = Facet.define<string, string>({ combine: ([label = "…"]) => label });

function decorate({ all, active }: Gaps, label: string): DecorationSet {
  return Decoration.set(
    all.map((gap) => {
      if (gap.from === gap.to)
        return Decoration.widget({ widget: new PlaceWidget(gap, label, gap.id === active), side: 1 }).range(gap.from);
      const attributes = { "data-gap": gap.id };
      return Decoration.mark({ class: `gap-range${gap.id === active ? " active" : ""}`, attributes }).range(
        gap.from,
        gap.to,
      );
    }),
    true,
  );
}

const undoing = (transaction: Transaction): boolean =>
  transaction.isUserEvent("undo") || transaction.isUserEvent("redo");

/** A gap that was closed by accepting a text opens again when that is undone, and closes when it is done again. */
const withUndo = invertedEffects.of((transaction) =>
  transaction.effects.flatMap((effect): StateEffect<unknown>[] => {
    if (effect.is(closeGap)) {
      const before = gapsOf(transaction.startState).find(({ id }) => id === effect.value);
      return before ? [openGap.of(before)] : [];
    }
    return effect.is(openGap) && undoing(transaction) ? [closeGap.of(effect.value.id)] : [];
  }),
);

/** An effect of a step of undo as plain data. */
export type GapStep = { readonly opens: OpenGap } | { readonly closes: string };

export const gapSteps = (effects: readonly StateEffect<unknown>[]): GapStep[] =>
  effects.flatMap((effect): GapStep[] => {
    if (effect.is(openGap)) return [{ opens: effect.value }];
    return effect.is(closeGap) ? [{ closes: effect.value }] : [];
  });

export const gapEffects = (steps: readonly GapStep[]): StateEffect<unknown>[] =>
  steps.map((step) => ("opens" in step ? openGap.of(step.opens) : closeGap.of(step.closes)));

const markers = new MatchDecorator({
  regexp: /\[\[[^[\]]*\]\]/g,
  decoration: Decoration.mark({ class: "gap-marker" }),
});
const markerPlugin = ViewPlugin.define(
  (view) => ({
    decorations: markers.createDeco(view),
    update(update: ViewUpdate) {
      this.decorations = markers.updateDeco(update, this.decorations);
    },
  }),
  { decorations: (plugin) => plugin.decorations },
);

export const gapsOf = (state: EditorState): readonly OpenGap[] => state.field(gapsField).all;
export const activeGapOf = (state: EditorState): string | undefined => state.field(gapsField).active;

/** `onPick`: a gap was clicked. */
export function gapExtension(initial: readonly OpenGap[], onPick: (id: string) => void): Extension {
  return [
    gapsField.init(() => ({ all: initial, active: initial[0]?.id })),
    EditorView.decorations.compute([gapsField, placeLabel], (state) =>
      decorate(state.field(gapsField), state.facet(placeLabel)),
    ),
    withUndo,
    markerPlugin,
    EditorView.domEventHandlers({
      click(event) {
        const picked = (event.target as HTMLElement).closest<HTMLElement>("[data-gap]")?.dataset.gap;
        if (picked !== undefined) onPick(picked);
      },
    }),
  ];
}
