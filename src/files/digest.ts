// Data by their SHA-256, as a run's fingerprint and the cache of tokens hold them.

const PREFIX = "sha256:";

/** "sha256:" and 64 hexadecimal digits, of bytes or of a text's UTF-8. */
export async function digest(data: Uint8Array | string): Promise<string> {
  const bytes = typeof data === "string" ? new TextEncoder().encode(data) : data;
  const hash = new Uint8Array(await crypto.subtle.digest("SHA-256", bytes as Uint8Array<ArrayBuffer>));
  return PREFIX + Array.from(hash, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

export function isDigest(value: unknown): boolean {
  return typeof value === "string" && value.startsWith(PREFIX);
}
