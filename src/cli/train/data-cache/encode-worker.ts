// A worker thread of EncodePool: encodes the pieces that it is sent, in their order.
import { parentPort, workerData } from "node:worker_threads";
import { UserError } from "../../../errors.ts";
import { pieceEncoder } from "./encoder.ts";
import type { EncodedPiece, EncoderSetup } from "./encoder.ts";

/** `ready` once it has loaded; then a result, or what was wrong, for each piece. */
export type WorkerAnswer =
  | { readonly ready: true }
  | { readonly result: EncodedPiece }
  | { readonly message: string; readonly isUserError: boolean };

const answer = (message: WorkerAnswer, transfer: ArrayBuffer[] = []): void =>
  parentPort!.postMessage(message, transfer);

const encode = pieceEncoder(workerData as EncoderSetup);
parentPort!.on("message", (text: string) => {
  try {
    const result = encode(text);
    answer({ result }, [result.bytes.buffer, result.lengths.buffer]);
  } catch (error) {
    answer({ message: (error as Error).message, isUserError: error instanceof UserError });
  }
});
answer({ ready: true });
