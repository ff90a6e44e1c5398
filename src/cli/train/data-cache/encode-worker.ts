// A worker thread of EncodePool: encodes the pieces that it is sent, in their order.
import { parentPort, workerData } from "node:worker_threads";
import { UserError } from "../../../errors.ts";
import { pieceEncoder } from "./encoder.ts";
import type { EncoderSetup } from "./encoder.ts";
import type { EncodedPiece, Piece } from "./piece.ts";

/** `ready` once it has loaded; then a result, or what was wrong, for each piece. */
export type WorkerAnswer =
  | { readonly ready: true }
  | { readonly result: EncodedPiece }
  | { readonly message: string; readonly isUserError: boolean };

const answer = (message: WorkerAnswer, transfer: ArrayBuffer[] = []): void =>
  parentPort!.postMessage(message, transfer);

const encode = pieceEncoder(workerData as EncoderSetup);
parentPort!.on("message", (piece: Piece) => {
  try {
    const result = encode(piece);
    answer({ result }, [result.bytes.buffer, result.index.buffer]);
  } catch (error) {
    answer({ message: (error as Error).message, isUserError: error instanceof UserError });
  }
});
answer({ ready: true });
