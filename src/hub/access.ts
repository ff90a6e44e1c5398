// Whom to ask on the way to a model on the Hub, and how: what a page and the command line have in common.
import type { Proxy } from "./proxy.ts";

export interface HubAccess {
  /** Address of the Hub, without a slash at its end. */
  readonly endpoint: string;
  readonly token: string | undefined;
  /** Longest wait for a small answer, and for the next bytes of a large one. */
  readonly patienceMs: number;
  /** How the asker calls itself. Pages leave it out: from them it would be one more question of every server (CORS). */
  readonly userAgent?: string;
  /** What messages call the places of the token and the address: HF_TOKEN, or an option. */
  readonly names: { readonly token: string; readonly endpoint: string };
  /** The proxy on the way to the endpoint, where one is set; pages have their browser's. */
  readonly proxy?: Proxy;
}

/** "gpt2", "asi/gpt-fr-cased-small": the names that the Hub allows. */
export function isRepoName(name: string): boolean {
  return name.length <= 96 && /^(\w[\w.-]*\/)?\w[\w.-]*$/.test(name) && !/--|\.\.|[.-](\/|$)|\.git$/.test(name);
}

/** A branch, tag or commit by Git's rules, as far as a path is made of it. */
export function isRevision(revision: string): boolean {
  return /^[\w.+@-]+(\/[\w.+@-]+)*$/.test(revision) && !/\.\.|(^|\/)\.|\.lock(\/|$)/.test(revision);
}

/** The whole name of a commit, which never changes: what a revision means at a time. */
export const COMMIT_HASH = /^[0-9a-f]{40}$/;
