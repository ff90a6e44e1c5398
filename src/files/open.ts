// A folder by where it lies: on disk, or behind an address.
import { UserError } from "../errors.ts";
import { importInNode } from "../import-in-node.ts";
import { isNode } from "../runtime.ts";
import type { Folder } from "./folder.ts";
import { quote } from "./quote.ts";
import { UrlFolder } from "./url-folder.ts";

/**
 * A folder by its path or address: read and written on disk in Node, read through fetch behind an http(s) address (in a
 * browser every path is one, relative to the page). Nothing is opened yet: a missing folder shows at the first read.
 */
export async function openFolder(pathOrUrl: string): Promise<Folder> {
  if (/^https?:/i.test(pathOrUrl)) return new UrlFolder(new URL(pathOrUrl));
  if (!isNode)
    return new UrlFolder(new URL(pathOrUrl, (globalThis as unknown as { location: { href: string } }).location.href));
  return (await importInNode<typeof import("./disk-folder.ts")>("./files/disk-folder.ts")).diskFolderAt(pathOrUrl);
}

/** Of a model that is named as on the Hub, in Node. */
export interface HubSourceOptions {
  /** Branch, tag or whole commit hash of it. Default: main. */
  readonly revision?: string;
  /** Folder where models of the Hub are kept. Default: what HF_HUB_CACHE says, else Hugging Face's own. */
  readonly cacheDir?: string;
}

export interface ModelSourceOptions extends HubSourceOptions {
  /** What of the model is read: all of it, or its tokenizer alone. */
  readonly part: "model" | "tokenizer";
  /** Called with the folder of a model on the Hub before its weights are fetched; throws where they are of no use. */
  readonly beforeWeights?: (folder: Folder) => Promise<void>;
  readonly signal?: AbortSignal;
  /** One sentence that the user should read. */
  readonly onNote?: (note: string) => void;
}

/** What is loaded in Node alone, and not before a name may be one. */
interface NamedModels {
  pathOfNamedModel(
    name: string,
    options: Omit<ModelSourceOptions, "beforeWeights"> & {
      readonly env: NodeJS.ProcessEnv;
      readonly beforeWeights?: (path: string) => Promise<void>;
    },
  ): Promise<string | undefined>;
}

/**
 * As openFolder, an opened folder as it is; and where Node finds no folder of that name, a model on the Hub ("gpt2"),
 * fetched into its cache. Throws UserError when the Hub has none or cannot be asked, and for a revision of what is no
 * name on it.
 */
export async function openModelFolder(source: string | Folder, options: ModelSourceOptions): Promise<Folder> {
  const { beforeWeights, ...rest } = options;
  if (typeof source !== "string" || !isNode || /^(?:https?|file):/i.test(source)) return openPlain(source, options);
  const { pathOfNamedModel } = await importInNode<NamedModels>("./hub/named-model.ts");
  const path = await pathOfNamedModel(source, {
    ...rest,
    env: process.env,
    ...(beforeWeights && { beforeWeights: async (fetched) => beforeWeights(await openFolder(fetched)) }),
  });
  return path === undefined ? openPlain(source, options) : openFolder(path);
}

async function openPlain(source: string | Folder, { revision }: HubSourceOptions): Promise<Folder> {
  if (revision === undefined) return typeof source === "string" ? openFolder(source) : source;
  const name = typeof source === "string" ? source : source.name;
  throw new UserError(
    `revision is ${quote(revision)}, and ${quote(name)} is a folder or an address, which has none: revisions are of ` +
      "models that Node fetches by their names on the Hub; leave it out.",
  );
}
