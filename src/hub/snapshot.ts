// A model of the Hub as a folder on disk: what it is made of now, what of it the cache lacks, and the way back to the
// cache when the Hub cannot be asked. snapshotDownload of @huggingface/hub fetches every file of a repository (GPT-2's
// weights five times over) and knows no offline mode; its modelInfo and pathsInfo are used here.
import { mkdir, statfs } from "node:fs/promises";
import { dirname } from "node:path";
import { modelInfo, pathsInfo, REGEX_COMMIT_HASH } from "@huggingface/hub";
import { UserError } from "../errors.ts";
import { printable } from "../files/quote.ts";
import { isBlobName, isSound } from "./blob-hash.ts";
import { RepoCache } from "./cache.ts";
import { fileSize } from "./file-size.ts";
import { download } from "./download.ts";
import type { RemoteFile } from "./download.ts";
import {
  ADAPTER_CONFIG,
  ADAPTER_WEIGHTS,
  CONFIG,
  INDEX,
  isAdapterAmong,
  MAX_SMALL_FILE_BYTES,
  missingTokenizer,
  OTHER_ADAPTER_WEIGHTS,
  OTHER_WEIGHTS,
  shardsIn,
  SMALL_FILES,
  WEIGHTS,
} from "./model-files.ts";
import type { Part } from "./model-files.ts";
import { HubError, hubFetch } from "./request.ts";
import type { Asked } from "./request.ts";
import type { HubSettings } from "./settings.ts";

export interface DownloadProgress {
  /** The file on its way. */
  readonly file: string;
  /** Bytes of all files that were not in the cache, those of an earlier, cut download among `done`. */
  readonly done: number;
  readonly total: number;
}

export interface SnapshotRequest extends Asked {
  readonly settings: HubSettings;
  readonly part: Part;
  onProgress?(progress: DownloadProgress): void;
  /** One sentence that the user should read. */
  onNote?(note: string): void;
  /**
   * Called with the folder when config.json is in it and no weights are on their way; throws to spare a useless
   * download.
   */
  beforeWeights?(folder: string): Promise<void>;
}

/**
 * The folder with the files of the asked part, fetched where the cache lacks them or has them damaged. Offline, or
 * when the Hub cannot be asked and the cache has the model whole, the folder of the cache. Throws UserError (HubError)
 * for all that goes wrong on the way or on the disk.
 */
export async function fetchSnapshot(request: SnapshotRequest): Promise<string> {
  const { settings, repo, revision, part, signal } = request;
  const cache = new RepoCache(settings.cacheDir, repo);
  const cached = await cache.find(revision, part);
  const whole = cached?.missing.length === 0 ? cached.folder : undefined;
  const damaged = async (): Promise<string | undefined> => whole && cache.findDamaged(whole, part, signal);
  if (settings.offline) {
    const bad = await damaged();
    if (whole !== undefined && bad === undefined) return whole;
    const lack = bad
      ? `a damaged copy of it: ${bad} does not have the bytes that its name says`
      : cached
        ? `only a part of it: ${cached.missing.join(", ")} missing in ${cached.folder}`
        : `no copy of it${revision === "main" ? "" : ` at revision ${revision}`}`;
    throw new UserError(
      `Offline, ${repo} can come only from the cache, and ${settings.cacheDir} has ${lack}; run once without ` +
        "--offline and HF_HUB_OFFLINE, or name a folder.",
    );
  }
  // A commit never changes.
  if (whole !== undefined && REGEX_COMMIT_HASH.test(revision) && (await damaged()) === undefined) return whole;
  try {
    let known: Known;
    try {
      known = await askHub(request);
    } catch (error) {
      if (!(error instanceof HubError) || whole === undefined || (await damaged()) !== undefined) throw error;
      request.onNote?.(`${error.message} Using the copy in the cache: ${whole}`);
      return whole;
    }
    return await complete(known, cache, request);
  } catch (error) {
    throw explainDisk(error, cache.path);
  }
}

interface Known {
  readonly commit: string;
  /** Those of the files we read that the model has. */
  readonly files: ReadonlyMap<string, RemoteFile>;
}

async function askHub(request: SnapshotRequest): Promise<Known> {
  const {
    repo,
    revision,
    settings: { endpoint: hubUrl },
  } = request;
  const { sha } = await speaking(
    request,
    modelInfo({ name: repo, revision, hubUrl, fetch: hubFetch(request), additionalFields: ["sha"] }),
  );
  if (!REGEX_COMMIT_HASH.test(sha))
    throw new HubError(`${hubUrl} names no commit for ${repo}, so it is no Hub; check HF_ENDPOINT.`);
  const weights =
    request.part === "model" ? [WEIGHTS, INDEX, ADAPTER_WEIGHTS, ...OTHER_WEIGHTS, OTHER_ADAPTER_WEIGHTS] : [];
  return { commit: sha, files: await askFiles(request, sha, [...SMALL_FILES[request.part], ...weights]) };
}

async function askFiles(request: Asked, commit: string, paths: string[]): Promise<Map<string, RemoteFile>> {
  const found = await speaking(
    request,
    pathsInfo({
      repo: { type: "model", name: request.repo },
      paths,
      revision: commit,
      hubUrl: request.settings.endpoint,
      fetch: hubFetch(request),
    }),
  );
  const files = new Map<string, RemoteFile>();
  for (const { path, type, size, oid, lfs } of found) {
    const hash = lfs?.oid ?? oid ?? "";
    if (type !== "file" || !paths.includes(path)) continue;
    if (!isBlobName(hash) || !Number.isSafeInteger(size) || size < 0)
      throw new HubError(
        `The Hub gives no usable size and hash for ${path} of ${request.repo}; try again, or another --revision.`,
      );
    files.set(path, { path, size: lfs?.size ?? size, hash });
  }
  return files;
}

/** An answer that is no JSON of the Hub's comes from something else on the way. */
async function speaking<R>({ settings, signal }: Asked, answer: Promise<R>): Promise<R> {
  try {
    return await answer;
  } catch (error) {
    signal.throwIfAborted();
    if (error instanceof HubError) throw error;
    throw new HubError(
      `${settings.endpoint} does not answer as the Hub does (${printable((error as Error).message)}); ` +
        "check HF_ENDPOINT, and whether this network wants a login first.",
      { cause: error },
    );
  }
}

/** Fetches what the cache lacks, weights last, and links all into the snapshot. */
async function complete({ commit, files }: Known, cache: RepoCache, request: SnapshotRequest): Promise<string> {
  const { repo, revision, part, signal } = request;
  checkOffer(files, request);
  const folder = cache.snapshot(commit);
  const bring = async (file: RemoteFile, isHere: boolean, onBytes: (done: number) => void): Promise<void> => {
    const blob = cache.blob(file.hash);
    if (!isHere) {
      await mkdir(dirname(blob), { recursive: true });
      const path = file.path.split("/").map(encodeURIComponent).join("/");
      const url = `${request.settings.endpoint}/${repo}/resolve/${commit}/${path}`;
      await download({ file, url, blob, asked: request, onBytes });
    }
    await cache.link(commit, file.path, file.hash, signal);
  };
  const isHere = async ({ path, size, hash }: RemoteFile): Promise<boolean> => {
    const found = await fileSize(cache.blob(hash));
    if (found === size && (await isSound(cache.blob(hash), hash, signal))) return true;
    if (found !== undefined) request.onNote?.(`The cache's copy of ${path} is damaged and is fetched again.`);
    return false;
  };

  let weights: RemoteFile[] = [];
  const adapter = isAdapterAmong((file) => files.has(file));
  if (part === "model" && adapter) weights = [adapterWeights(files, request)];
  else if (part === "model") {
    // The index comes first and unannounced: only with it is it known how much there is to fetch.
    const index = files.has(WEIGHTS) ? undefined : files.get(INDEX);
    if (index) await bring(index, await isHere(index), () => {});
    weights = index ? await shards(folder, commit, request) : single(files, request);
  }
  // Beside a whole model's files, of which none is here yet, an adapter's would make the folder look like one.
  const taken = SMALL_FILES[part].filter((path) => adapter || path !== ADAPTER_CONFIG);
  const small = taken.flatMap((path) => files.get(path) ?? []);
  const wanted = [...small, ...weights];
  const here: boolean[] = [];
  for (const file of wanted) here.push(await isHere(file));
  const lacking = wanted.map(({ size }, i) => (here[i] ? 0 : size));
  const started = await Promise.all(
    wanted.map(async ({ hash }, i) => (here[i] ? 0 : ((await fileSize(`${cache.blob(hash)}.incomplete`)) ?? 0))),
  );
  const total = sum(lacking);
  await checkSpace(cache, total - sum(started));
  for (const [i, file] of wanted.entries()) {
    if (i === small.length) await request.beforeWeights?.(folder);
    const same = wanted.findIndex(({ hash }) => hash === file.hash); // two files may be one blob
    await bring(file, here[i] || same < i, (bytes) => {
      started[i] = bytes;
      request.onProgress?.({ file: file.path, done: sum(started), total });
    });
    started[i] = lacking[i];
  }
  await cache.remember(revision, commit);
  return folder;
}

/** Throws UserError when the Hub does not have the part, or has a small file that cannot be one. */
function checkOffer(files: ReadonlyMap<string, RemoteFile>, { repo, part }: SnapshotRequest): void {
  const adapter = part === "model" && isAdapterAmong((file) => files.has(file));
  if (part !== "tokenizer" && !adapter && !files.has(CONFIG))
    throw new UserError(
      `${repo} on the Hub has no ${CONFIG}, so it is not a model in Hugging Face's layout; choose another model.`,
    );
  const [lack] = part === "tokenizer" ? missingTokenizer((file) => files.has(file)) : [];
  if (lack !== undefined) throw new UserError(`${repo} on the Hub has no ${lack}; choose another tokenizer.`);
  for (const path of [...SMALL_FILES[part], INDEX]) {
    const size = files.get(path)?.size ?? 0;
    if (size > MAX_SMALL_FILE_BYTES)
      throw new UserError(
        `${path} of ${repo} on the Hub has ${size} bytes, and no such file has more than ${MAX_SMALL_FILE_BYTES}; ` +
          "choose another model.",
      );
  }
}

function single(files: ReadonlyMap<string, RemoteFile>, { repo, revision }: Asked): RemoteFile[] {
  const weights = files.get(WEIGHTS);
  if (weights) return [weights];
  const other = OTHER_WEIGHTS.find((path) => files.has(path));
  if (other === undefined)
    throw new UserError(
      `${repo} on the Hub has no ${WEIGHTS}, nor weights in another format; choose another model or --revision.`,
    );
  throw new UserError(
    `${repo} at revision ${revision} has ${other} but no ${WEIGHTS}, the only weight format read here; give ` +
      "the --revision of its conversion if it has one (such as refs/pr/1), or convert it once in Python: " +
      "GPT2LMHeadModel.from_pretrained(name).save_pretrained(folder).",
  );
}

function adapterWeights(files: ReadonlyMap<string, RemoteFile>, { repo }: Asked): RemoteFile {
  const weights = files.get(ADAPTER_WEIGHTS);
  if (weights) return weights;
  throw new UserError(
    files.has(OTHER_ADAPTER_WEIGHTS)
      ? `${repo} on the Hub has ${OTHER_ADAPTER_WEIGHTS} but no ${ADAPTER_WEIGHTS}, the only format of an adapter's ` +
          "weights read here; convert it once in Python: PeftModel.from_pretrained(base, name).save_pretrained(folder)."
      : `${repo} on the Hub is an adapter without ${ADAPTER_WEIGHTS}; choose another model or --revision.`,
  );
}

async function shards(folder: string, commit: string, request: Asked): Promise<RemoteFile[]> {
  const names = await shardsIn(folder);
  const found = await askFiles(request, commit, names);
  return names.map((name) => {
    const file = found.get(name);
    if (!file)
      throw new UserError(
        `${request.repo}: ${INDEX} names ${name}, which the Hub does not have; choose another --revision.`,
      );
    return file;
  });
}

async function checkSpace(cache: RepoCache, wanted: number): Promise<void> {
  if (wanted <= 0) return;
  await mkdir(cache.path, { recursive: true });
  const { bavail, bsize } = await statfs(cache.path);
  if (bavail * bsize < wanted) {
    throw new UserError(
      `The download needs ${wanted} bytes, and the disk of ${cache.path} has ${bavail * bsize} free; free some ` +
        "space, or set HF_HUB_CACHE to a folder on another disk.",
    );
  }
}

const DISK: Readonly<Record<string, string>> = {
  ENOSPC: "the disk is full",
  EDQUOT: "the disk quota is used up",
  EFBIG: "the file is too large for this disk",
  EROFS: "the disk is read-only",
  ENOENT: "another program removed what was being written",
  EACCES: "permission is denied",
  EPERM: "permission is denied",
  ENOTDIR: "part of the path is a file",
  EEXIST: "part of the path is a file",
};

/** A system error as a sentence; other errors unchanged. */
export function explainDisk(error: unknown, path: string): unknown {
  const reason = DISK[(error as NodeJS.ErrnoException).code ?? ""];
  if (error instanceof UserError || reason === undefined) return error;
  return new UserError(
    `Cannot write below ${path}: ${reason}; mend that, or set HF_HUB_CACHE to a folder elsewhere. What has ` +
      "come is kept, and the same command goes on from there.",
    { cause: error },
  );
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((a, b) => a + b, 0);
}
