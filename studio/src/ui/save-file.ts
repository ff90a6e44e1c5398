// A file for the user: the browser saves it where downloads go.
export function saveFile(blob: Blob, name: string): void {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(blob);
  link.download = name.replace(/[\\/:*?"<>|\p{Cc}]/gu, " ").trim() || "document";
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
}
