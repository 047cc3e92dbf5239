import { HOLE, holesOf } from "../settings.ts";

/** The tags of a route for one request. */
export type RouteTags = (params: Readonly<Record<string, string>>) => readonly string[];

/**
 * Tags with the parameters of the path filled in. `fixed` go first as they are. One list for all requests where no tag
 * has a parameter.
 */
export function compileTags(fixed: readonly string[], templates: readonly string[]): RouteTags {
  const all = [...fixed, ...templates];
  if (templates.every((tag) => holesOf(tag).length === 0)) return () => all;
  return (params) => [
    ...fixed,
    ...templates.map((tag) => tag.replaceAll(HOLE, (_, name: string) => params[name] ?? "")),
  ];
}
