// The way through a proxy, by the variables that curl and the Python libraries read: HTTPS_PROXY, HTTP_PROXY,
// ALL_PROXY and NO_PROXY, small letters first. Node's own fetch knows none of them before Node 24; undici, from which
// it is made, brings an agent that does. It is loaded only where a proxy is set.
import { UserError } from "../errors.ts";
import { printable, quote } from "../files/quote.ts";
import { importOptional } from "../runtime.ts";

export type Environment = Readonly<Record<string, string | undefined>>;

export interface Proxy {
  /** As the platform's, through the proxy that each address wants, redirects included. */
  readonly fetch: typeof fetch;
  /** "HTTPS_PROXY is http://10.0.0.1:3128", with NO_PROXY where it is set and without a password. */
  readonly described: string;
}

/** undefined where no proxy is set for `endpoint`. Throws UserError when the variable holds no address of a proxy. */
export async function readProxy(env: Environment, endpoint: string): Promise<Proxy | undefined> {
  const http = firstSet(env, "http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY");
  const https = firstSet(env, "https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY") ?? http;
  const chosen = endpoint.startsWith("https:") ? https : http;
  if (chosen === undefined) return undefined;
  const except = firstSet(env, "no_proxy", "NO_PROXY");
  const address = proxyAddress(chosen);
  const { EnvHttpProxyAgent, fetch: fetchThrough } = await importOptional(
    "undici@7.30.2",
    `Going through a proxy (${chosen.name} is set)`,
    () => import("undici"),
  );
  const dispatcher = new EnvHttpProxyAgent({
    httpProxy: http && proxyAddress(http).href,
    httpsProxy: https && proxyAddress(https).href,
    noProxy: except?.value ?? "",
    proxyTunnel: false, // plain http is asked of the proxy itself: many allow CONNECT to port 443 alone
  });
  return {
    fetch: ((input: string, init?: object) => fetchThrough(input, { ...init, dispatcher })) as unknown as typeof fetch,
    described:
      `${chosen.name} is ` +
      `${withoutPassword(address)}${except ? `, ${except.name} is ${printable(except.value)}` : ""}`,
  };
}

interface Variable {
  readonly name: string;
  readonly value: string;
}

function firstSet(env: Environment, ...names: readonly string[]): Variable | undefined {
  const name = names.find((each) => env[each]?.trim());
  return name === undefined ? undefined : { name, value: env[name]!.trim() };
}

/** As Python's requests has it, a proxy without a scheme is an http one. */
function proxyAddress({ name, value }: Variable): URL {
  const text = /^[a-z][a-z\d+.-]*:\/\//i.test(value) ? value : `http://${value}`;
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url && /^(https?|socks5?):$/.test(url.protocol)) return url;
  throw new UserError(
    `${name} is ${quote(value)}, wanted the address of a proxy such as http://proxy.example:3128; ` +
      `mend it or unset it.`,
  );
}

function withoutPassword(url: URL): string {
  const shown = new URL(url);
  if (shown.password) shown.password = "***";
  return shown.href.replace(/\/$/, "");
}
