// Amounts of memory, for people.

/** "160 MiB", "0.3 MiB": by division, since shifts wrap from 2 GiB on. */
export function mebibytes(bytes: number): string {
  const amount = bytes / 2 ** 20;
  return `${amount < 10 ? Math.ceil(amount * 10) / 10 : Math.ceil(amount)} MiB`;
}
