// The pictures on buttons, drawn with one pen: strokes on a grid of 24. They say nothing to a screen reader; the button
// has its own words.
import type { JSX } from "preact";

const PATHS = {
  write: "M4 20h4L19 9l-4-4L4 16v4zM13 7l4 4",
  teach: "M4 5h7v15H6a2 2 0 0 1-2-2V5zM20 5h-7v15h5a2 2 0 0 0 2-2V5z",
  models: "M12 3l8 4.5v9L12 21l-8-4.5v-9L12 3zM4 7.5l8 4.5 8-4.5M12 12v9",
  look: "M10.5 4a6.5 6.5 0 1 0 0 13 6.5 6.5 0 0 0 0-13zM15.5 15.5L20 20",
  close: "M6 6l12 12M18 6L6 18",
  plus: "M12 5v14M5 12h14",
  pin: "M9 4h6l-1 6 3 3H7l3-3-1-6zM12 13v7",
  pencil: "M4 20h4L19 9l-4-4L4 16v4z",
  check: "M5 12.5l4.5 4.5L19 7",
  more: "M6 12h.01M12 12h.01M18 12h.01",
  undo: "M8 5L4 9l4 4M4 9h10a6 6 0 0 1 0 12h-3",
  redo: "M16 5l4 4-4 4M20 9H10a6 6 0 0 0 0 12h3",
  stop: "M7 7h10v10H7z",
  again: "M19 12a7 7 0 1 1-2-5M19 4v4h-4",
  history: "M4 12a8 8 0 1 0 2.5-5.8M4 4v4h4M12 8v4l3 2",
  file: "M7 3h7l4 4v14H7V3zM14 3v4h4",
  upload: "M12 15V4M8 8l4-4 4 4M5 15v4h14v-4",
  download: "M12 4v11M8 11l4 4 4-4M5 15v4h14v-4",
  trash: "M5 7h14M10 7V4h4v3M7 7l1 13h8l1-13",
  eye: "M2 12s4-7 10-7 10 7 10 7-4 7-10 7S2 12 2 12zM12 9a3 3 0 1 0 0 6 3 3 0 0 0 0-6z",
} as const;
export type IconName = keyof typeof PATHS;

export function Icon({ name, size = 18 }: { readonly name: IconName; readonly size?: number }): JSX.Element {
  return (
    <svg
      aria-hidden="true"
      width={size}
      height={size}
      viewBox="0 0 24 24"
      fill="none"
      stroke="currentColor"
      stroke-width={name === "more" ? 3 : 1.8}
      stroke-linecap="round"
      stroke-linejoin="round"
    >
      <path d={PATHS[name]} />
    </svg>
  );
}
