// Bytes as base64, the same in Node and in a browser.

const ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

export function toBase64(bytes: Uint8Array): string {
  const parts: string[] = [];
  let part = "";
  for (let i = 0; i < bytes.length; i += 3) {
    const [a, b, c] = [bytes[i], bytes[i + 1], bytes[i + 2]];
    part += ALPHABET[a >> 2] + ALPHABET[(a & 3) << 4 | (b ?? 0) >> 4]
      + (b === undefined ? "=" : ALPHABET[(b & 15) << 2 | (c ?? 0) >> 6]) + (c === undefined ? "=" : ALPHABET[c & 63]);
    // Long strings that grow by a character at a time are slow to join.
    if (part.length > 4096) { parts.push(part); part = ""; }
  }
  return parts.join("") + part;
}
