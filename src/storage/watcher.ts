// What a caller of the cached folders hears and says while files come.

export interface DownloadProgress {
  readonly file: string;
  /** Bytes of this file that are here, those of an earlier, cut download among them. */
  readonly done: number;
  /** Bytes of this file; undefined where the server does not tell. */
  readonly total: number | undefined;
}

export interface CacheWatcher {
  /** Ends a download under way and all further reading, with its reason; what came is kept. */
  readonly signal?: AbortSignal;
  /** Told as the bytes of a file come; of a file that is here, nothing. */
  readonly onProgress?: (progress: DownloadProgress) => void;
  /** One sentence for the user: the server does not answer, and the kept copy is used. */
  readonly onNote?: (note: string) => void;
}
