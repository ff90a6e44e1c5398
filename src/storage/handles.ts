// What of the browser's File System API (OPFS, and folders that the user picked) is used here. Its own types are in the
// DOM library only, which Node's programs do without; a FileSystemDirectoryHandle is a DirectoryHandle.

export interface DirectoryHandle {
  readonly name: string;
  getDirectoryHandle(name: string, options?: { readonly create?: boolean }): Promise<DirectoryHandle>;
  getFileHandle(name: string, options?: { readonly create?: boolean }): Promise<FileHandle>;
  removeEntry(name: string, options?: { readonly recursive?: boolean }): Promise<void>;
  /** Browsers have it; some compilers' libraries do not. */
  values?(): AsyncIterable<{ readonly kind: string; readonly name: string }>;
}

export interface FileHandle {
  getFile(): Promise<StoredFile>;
  createWritable(): Promise<WritableFile>;
}

export interface StoredFile {
  readonly size: number;
  slice(start: number, end: number): { arrayBuffer(): Promise<ArrayBuffer> };
}

/** Keeps the file as it is until close(). */
export interface WritableFile {
  write(data: Uint8Array<ArrayBuffer>): Promise<void>;
  close(): Promise<void>;
  abort(): Promise<void>;
}

/** Of navigator.storage. */
export interface StorageManager {
  getDirectory(): Promise<DirectoryHandle>;
  estimate?(): Promise<{ readonly quota?: number; readonly usage?: number }>;
  persist?(): Promise<boolean>;
}
