// Folders of models behind addresses and of models on the Hub, kept in the browser: what a page loads twice comes once.
import { UserError } from "../errors.ts";
import { expectFields } from "../fields.ts";
import type { FieldsOf } from "../fields.ts";
import type { Store } from "../files/folder.ts";
import { parseJson, isObject } from "../files/json.ts";
import { quote } from "../files/quote.ts";
import { fetchFile } from "../files/url-folder.ts";
import { COMMIT_HASH, isRepoName, isRevision } from "../hub/access.ts";
import type { HubAccess } from "../hub/access.ts";
import { HUB_URL } from "../hub/address.ts";
import { HubError, hubFetch, openAnswer, unreachable } from "../hub/request.ts";
import type { Asked } from "../hub/request.ts";
import { freeBytes, opfsFolder } from "./browser-folders.ts";
import { CachedFolder } from "./cached-folder.ts";
import { PieceStore } from "./piece-store.ts";
import { isPassing, Remote } from "./remote.ts";
import type { FileRequest } from "./remote.ts";
import type { CacheWatcher } from "./watcher.ts";

export interface CachedFolderOptions extends CacheWatcher {
  /** Where the files are kept. Default: a folder of the address's own in OPFS, below "gpt2-webgpu". */
  readonly store?: Store;
}

export interface HubFolderOptions extends CachedFolderOptions {
  /** Branch, tag or whole commit hash; default main. */
  readonly revision?: string;
  /** For gated and private models. */
  readonly token?: string;
  /** Address of a mirror; default the Hub's own. */
  readonly endpoint?: string;
}

/** A piece is what a cut download loses at most, and 500 MB make 120 of them. */
const PIECE_BYTES = 4 << 20;
const PATIENCE_MS = 30_000;
/** In OPFS, unless the caller says another place. */
const KEPT = "gpt2-webgpu";
const CACHED: FieldsOf<CachedFolderOptions> = { store: true, signal: true, onProgress: true, onNote: true };
const HUB: FieldsOf<HubFolderOptions> = { ...CACHED, revision: true, token: true, endpoint: true };

/**
 * The folder behind an http(s) address (in a browser also relative to the page), with what was read of it kept in
 * `store`. A file that is here is used again while the server has the same edition of it, by ETag or date, and where
 * the server cannot be asked. A download that was cut or aborted goes on from the last whole piece of 4 MB.
 * Read-only. Reading throws UserError where a file is not there, the storage is full or denied (the file's pieces are
 * removed then), or the connection stays cut after four tries; the signal's reason.
 *
 * @example
 * const folder = await cachedFolder("/models/tiny", { onProgress: ({ file, done }) => show(file, done) });
 * const infiller = await Infiller.load(folder);
 */
export async function cachedFolder(source: string | URL, options: CachedFolderOptions = {}): Promise<CachedFolder> {
  expectFields("cachedFolder()", options, CACHED);
  const address = addressOf(String(source));
  const remote = new Remote(address, { request: fetchFile, patienceMs: PATIENCE_MS, signal: options.signal });
  return keep(remote, await storeOf(options), keyOf(address), options);
}

/**
 * The folder of a model on the Hub ("gpt2", "owner/name"), as cachedFolder() keeps it: which commit the revision is now
 * is asked once, and a commit's files never change, so a second load asks for nothing else and works without a
 * network. In Node the programs share the Python library's cache instead. Throws UserError for a name that none can
 * have, an unknown or gated model, and as cachedFolder() does.
 */
export async function hubFolder(name: string, options: HubFolderOptions = {}): Promise<CachedFolder> {
  expectFields("hubFolder()", options, HUB);
  const { revision = "main", token, endpoint = HUB_URL, signal = new AbortController().signal } = options;
  if (typeof name !== "string" || !isRepoName(name))
    throw new UserError(`No model on the Hub can be named ${quote(name)}: names look like gpt2 or owner/name.`);
  if (!isRevision(revision))
    throw new UserError(`revision is ${quote(revision)}, wanted a branch, a tag or a whole commit hash, such as main.`);
  const names = { token: "the option token", endpoint: "the option endpoint" };
  const hub = addressOf(endpoint);
  const settings: HubAccess = { endpoint: hub, token, patienceMs: PATIENCE_MS, names };
  const asked: Asked = { settings, repo: name, revision, signal };
  const store = await storeOf(options);
  const key = keyOf(`${hub}/${name}`);
  const commit = await commitOf(asked, store, `${key}/revision/${revision}`, options);
  const request = hubRequest(asked);
  const remote = new Remote(`${hub}/${name}/resolve/${commit}`, {
    request,
    patienceMs: PATIENCE_MS,
    immutable: true,
    signal,
  });
  return keep(remote, store, `${key}/${commit}`, options);
}

/** Where in OPFS all that is kept of an address, or of a model on the Hub, lies: a folder to measure or to remove. */
export function keptAt(
  source: { readonly cached: string } | { readonly hub: string; readonly endpoint?: string },
): string {
  const address = "cached" in source ? source.cached : `${addressOf(source.endpoint ?? HUB_URL)}/${source.hub}`;
  return `${KEPT}/${keyOf(addressOf(address))}`;
}

const storeOf = async ({ store }: CachedFolderOptions): Promise<Store> => store ?? (await opfsFolder(KEPT));

function keep(remote: Remote, store: Store, key: string, options: CachedFolderOptions): CachedFolder {
  const { store: own, signal, onProgress, onNote } = options;
  const room = own === undefined ? freeBytes : async (): Promise<undefined> => undefined;
  return new CachedFolder(remote, new PieceStore(store, key, PIECE_BYTES), room, { signal, onProgress, onNote });
}

/** Absolute, without a slash at its end. */
function addressOf(source: string): string {
  const page = (globalThis as unknown as { readonly location?: { readonly href: string } }).location?.href;
  const url = URL.canParse(source, page) ? new URL(source, page) : undefined;
  if (url === undefined || !/^https?:$/.test(url.protocol))
    throw new UserError(`${quote(source)} is no http(s) address; a folder on a disk is opened by openFolder().`);
  return url.href.replace(/\/+$/, "");
}

/** Longest name of a file or folder on all systems, with room for what is appended. */
const MOST_NAME = 200;

/** A path that no other address has, of names that every system takes. */
function keyOf(address: string): string {
  const escaped = encodeURIComponent(address).replace(
    /[!'()*~]/g,
    (char) => `%${char.codePointAt(0)!.toString(16).toUpperCase()}`,
  );
  return `${escaped}_`.match(new RegExp(`.{1,${MOST_NAME}}`, "g"))!.join("/");
}

/** The commit that the revision is now, or, where the Hub cannot be asked, was when it was asked last. */
async function commitOf(asked: Asked, store: Store, place: string, { onNote }: CachedFolderOptions): Promise<string> {
  const { repo, revision, settings } = asked;
  if (COMMIT_HASH.test(revision)) return revision;
  try {
    const commit = await askCommit(asked);
    await store.write(new Map([[place, commit]]));
    return commit;
  } catch (error) {
    if (!isPassing(error) || !(await store.has(place))) throw error;
    onNote?.(`${(error as Error).message} The copy of ${repo} that is kept here is used.`);
    const kept = new TextDecoder().decode(await store.read(place));
    if (COMMIT_HASH.test(kept)) return kept;
    throw new UserError(`What is kept of ${repo} from ${settings.endpoint} is damaged; load it with a network.`);
  }
}

async function askCommit(asked: Asked): Promise<string> {
  const { repo, revision, settings } = asked;
  const address = `${settings.endpoint}/api/models/${repo}/revision/${encodeURIComponent(revision)}`;
  const answer = parseJson(await (await hubFetch(asked)(address)).text(), address, "check the endpoint");
  const sha = isObject(answer) ? answer.sha : undefined;
  if (typeof sha === "string" && COMMIT_HASH.test(sha)) return sha;
  throw new HubError(`${settings.endpoint} names no commit for ${repo}, so it is no Hub; check the endpoint.`);
}

/** A file of the model; refusals in the Hub's words. */
const hubRequest =
  (asked: Asked): FileRequest =>
  async (address, init) => {
    try {
      return await openAnswer(asked, address, init);
    } catch (error) {
      if (error instanceof HubError && error.isMissingFile) return undefined;
      throw unreachable(error, asked);
    }
  };
