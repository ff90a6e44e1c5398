// Our camelCase names as Hugging Face's files and our command lines spell them.

/** "numBeams" -> "num_beams". */
export const snakeCase = (name: string): string => name.replaceAll(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
