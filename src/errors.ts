/**
 * A mistake the person at the keyboard can mend: a wrong flag, file, shape or setting. Command-line programs print the
 * message alone (no stack) and exit 1. The message is one sentence or two: what was found, what was wanted, what to do.
 */
export class UserError extends Error {
  override readonly name: string = "UserError";
}

/** There is no memory for it on the device, which goes on: less at once may fit. */
export class OutOfMemoryError extends UserError {}
