import type { Finding } from "./place.ts";
import type { Config, NamedRoute } from "./schema.ts";

/** Targets of `cache.warm` that nothing would come of. Where a host or path may mean either, nothing is said. */
export function warmWarnings({ cache, routes, listen }: Config): Finding[] {
  return cache.warm.targets.flatMap((target, index) => {
    const { url, host } = typeof target === "string" ? { url: target, host: undefined } : target;
    const [, authority, rest = url] = /^https?:\/\/([^/?#]+)(.*)$/i.exec(url) ?? [];
    const name = (authority ?? host ?? cache.warm.host ?? "localhost").toLowerCase().replace(/:\d+$/, "");
    const why = whyNot(routes, name, (rest || "/").replace(/\?.*$/, ""));
    const path = ["cache", "warm", "targets", index];
    if (why !== undefined) return [{ path, at: "value" as const, message: `is never warmed: ${why}` }];
    const other = listen.tls ? "http" : "https";
    if (!url.toLowerCase().startsWith(`${other}://`)) return [];
    const message = `is kept for requests over ${other}, and this gateway is not asked that way: leave scheme and host out, or name them as clients do`;
    return [{ path, at: "value" as const, message }];
  });
}

function whyNot(routes: readonly NamedRoute[], host: string, path: string): string | undefined {
  let other: string | undefined;
  for (const { match, cache, name } of routes) {
    const fits = hostFits(match.host, host) && pathFits(match.path, path);
    if (fits === false) continue;
    if (match.methods && !match.methods.includes("GET")) {
      other = `its route ${name} takes no GET`;
      continue;
    }
    if (fits === "perhaps") return undefined;
    const kept = cache !== undefined && cache !== "off";
    return kept ? undefined : `its route ${name} has no cache`;
  }
  return other ?? `no route matches ${path} for the host ${host}; name the host that clients ask for`;
}

type Fit = boolean | "perhaps";

function hostFits(pattern: string | undefined, host: string): Fit {
  if (pattern === undefined) return true;
  const wanted = pattern.toLowerCase();
  if (wanted === host) return true;
  return /[*:]/.test(wanted) ? "perhaps" : false;
}

/** Escapes and dots are for the gateway to read: with them it is perhaps. */
function pathFits(pattern: string, path: string): Fit {
  const wanted = pattern.split("/");
  const given = path.split("/");
  if (/%|\/\.|\/\//.test(path)) return "perhaps";
  for (const [at, segment] of wanted.entries()) {
    if (segment === "*") return given.length >= at;
    const one = given[at];
    if (one === undefined) return false;
    if (
      segment.startsWith(":")
        ? one === ""
        : segment.endsWith("*")
          ? !one.startsWith(segment.slice(0, -1))
          : segment !== one
    ) {
      return false;
    }
    if (segment.endsWith("*")) return true;
  }
  return wanted.length === given.length;
}
