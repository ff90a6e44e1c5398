// From ids back to text, one id at a time: a character's bytes may come from several tokens.

/** Turns ids into text as they come, one at a time. */
export interface DecodeStream {
  /**
   * The text that this id completes: "" while a character still lacks bytes. Throws UserError on an id out of range.
   */
  push(id: number): string;
  /** What is left: U+FFFD for an unfinished character, else "". */
  end(): string;
}

/** `bytesOf`: what an id stands for, undefined for one that leaves no text. Bytes that are no UTF-8 become U+FFFD. */
export function decodeStream(bytesOf: (id: number) => Uint8Array | undefined): DecodeStream {
  const decoder = new TextDecoder("utf-8", { ignoreBOM: true }); // keeps U+FEFF
  return {
    push: (id) => {
      const bytes = bytesOf(id);
      return bytes === undefined ? "" : decoder.decode(bytes, { stream: true });
    },
    end: () => decoder.decode(),
  };
}
