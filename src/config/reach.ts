import type { Finding } from "./place.ts";

/** The parts of a route's `match`; `host` in lower case. */
export interface Matched {
  readonly host: string | undefined;
  readonly path: string;
  readonly methods: readonly string[] | undefined;
}

/** Beyond so many routes only equal pairs are looked for: comparing each with each would take seconds. */
const COMPARED_AT_MOST = 2000;

/** Routes that an earlier one takes every request from: the first match wins. An undefined entry is skipped. */
export function unreachable(routes: readonly (Matched | undefined)[]): Finding[] {
  const findings: Finding[] = [];
  const equal = new Map<string, number>();
  for (const [index, route] of routes.entries()) {
    if (!route) continue;
    const key = JSON.stringify([route.host, shape(route.path), route.methods]);
    const earlier =
      equal.get(key) ??
      (index < COMPARED_AT_MOST
        ? routes.findIndex((other, at) => at < index && other !== undefined && covers(other, route))
        : -1);
    if (!equal.has(key)) equal.set(key, index);
    if (earlier === -1) continue;
    const message = `never reached: routes.${earlier} (${routes[earlier]!.path}) stands before it and takes all of its requests; put the narrower route first or take one out`;
    findings.push({ path: ["routes", index, "match"], at: "key", message });
  }
  return findings;
}

function covers(earlier: Matched, later: Matched): boolean {
  if (earlier.host !== undefined && earlier.host !== later.host) return false;
  return coversMethods(earlier.methods, later.methods) && coversPath(earlier.path, later.path);
}

function coversMethods(earlier: readonly string[] | undefined, later: readonly string[] | undefined): boolean {
  if (!earlier) return true;
  if (!later) return false;
  return later.every((method) => earlier.includes(method) || (method === "HEAD" && earlier.includes("GET")));
}

/** Segment by segment; in doubt it is no. */
function coversPath(earlier: string, later: string): boolean {
  const wide = shape(earlier).split("/");
  const narrow = shape(later).split("/");
  const rest = wide.at(-1) === "*";
  if (rest) wide.pop();
  else if (wide.length !== narrow.length) return false;
  if (narrow.length < wide.length) return false;
  return wide.every((segment, at) => segment === narrow[at] || (segment === ":" && isOneSegment(narrow[at]!)));
}

const isOneSegment = (segment: string): boolean => segment !== "" && !segment.endsWith("*");

/** A path pattern without the names of its parameters. */
const shape = (path: string): string => path.replace(/\/:[^/]+/g, "/:");
