import { readHost } from "./authority.ts";
import { readTarget } from "./target.ts";

/** A URL as the request for it is seen: `scheme://authority/path?query`; undefined for one that would be refused. */
export function canonicalUrl(url: string): string | undefined {
  const found = /^(https?):\/\/([^/?#]*)/i.exec(url);
  if (!found) return undefined;
  const scheme = found[1]!.toLowerCase() === "http" ? "http" : "https";
  const host = readHost(found[2]!, scheme);
  if (host.kind === "bad") return undefined;
  const rest = url.slice(found[0].length);
  const target = readTarget(rest.startsWith("/") ? rest : `/${rest}`, "GET", host.authority, scheme);
  return target.kind === "ok" ? `${scheme}://${host.authority}${target.path}${target.query}` : undefined;
}
