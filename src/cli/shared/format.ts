// Small texts for people: sizes, times, numbers, paragraphs. Shared by the command-line programs.

/** "512 B", "1.4 MB": decimal units, as disks and downloads count. */
export function formatBytes(bytes: number): string {
  const units = ["B", "kB", "MB", "GB", "TB"];
  let value = bytes,
    unit = 0;
  while (value >= 999.5 && unit < units.length - 1) {
    value /= 1000;
    unit++;
  }
  return `${unit === 0 || value >= 99.5 ? Math.round(value) : value.toFixed(1)} ${units[unit]}`;
}

/** "0.8 s", "42 s", "3 min 05 s", "2 h 10 min", "3 d 4 h"; "-" for what is not a finite time. */
export function formatDuration(seconds: number): string {
  if (!Number.isFinite(seconds) || seconds < 0) return "-";
  if (seconds < 9.95) return `${seconds.toFixed(1)} s`;
  const s = Math.round(seconds);
  if (s < 60) return `${s} s`;
  if (s < 3600) return `${Math.floor(s / 60)} min ${String(s % 60).padStart(2, "0")} s`;
  const minutes = Math.round(s / 60);
  if (minutes < 1440) return `${Math.floor(minutes / 60)} h ${String(minutes % 60).padStart(2, "0")} min`;
  const hours = Math.round(s / 3600);
  return `${Math.floor(hours / 24)} d ${hours % 24} h`;
}

/** Three significant digits, thousands as "12.3k": for rates that only need a glance. */
export function formatRate(value: number): string {
  if (!Number.isFinite(value)) return "-";
  if (value >= 999_500) return `${(value / 1e6).toPrecision(3)}M`;
  if (value >= 999.5) return `${(value / 1000).toPrecision(3)}k`;
  return value >= 99.5 ? String(Math.round(value)) : value.toPrecision(2);
}

/** Columns to write in: the terminal's, at most `most`; `most` where the stream is no terminal. */
export function terminalWidth(stream: { readonly isTTY?: boolean; readonly columns?: number }, most = 100): number {
  return stream.isTTY && stream.columns ? Math.max(40, Math.min(most, stream.columns)) : most;
}

/**
 * Breaks `text` at spaces into lines of at most `width` characters, each after `indent`; line breaks in `text` stay.
 */
export function wrapText(text: string, width: number, indent = ""): string {
  const room = Math.max(20, width - indent.length);
  return text
    .split("\n")
    .map((paragraph) => {
      const lines: string[] = [];
      let line = "";
      for (const word of paragraph.split(/[ \t]+/)) {
        const joined = line === "" ? word : `${line} ${word}`;
        if (line !== "" && [...joined].length > room) {
          lines.push(line);
          line = word;
        } else {
          line = joined;
        }
      }
      lines.push(line);
      return lines.map((each) => each && indent + each).join("\n");
    })
    .join("\n");
}
