// gpt2-webgpu/storage: the folders that a page has for models: its own on the disk (OPFS), those that the user picked,
// and addresses or models on the Hub, kept so that they come once.
export { directoryFolder, opfsFolder } from "../storage/browser-folders.ts";
export type { CachedFolder } from "../storage/cached-folder.ts";
export type { HandleFolder } from "../storage/handle-folder.ts";
export type { DirectoryHandle } from "../storage/handles.ts";
export { cachedFolder, hubFolder, keptAt } from "../storage/open-cached.ts";
export type { CachedFolderOptions, HubFolderOptions } from "../storage/open-cached.ts";
export type { DownloadProgress } from "../storage/watcher.ts";
export { MemoryFolder } from "../files/folder.ts";
export type { Folder, Store } from "../files/folder.ts";
