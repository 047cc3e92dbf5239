import { HostIndex } from "./hosts.ts";
import { parsePattern, plainPath, type PathPattern } from "./pattern.ts";
import type { RouteSettings } from "./settings.ts";

export type RouteMatch<T> =
  | { readonly kind: "found"; readonly value: T; readonly params: Readonly<Record<string, string>> }
  /** Host and path match a route or more, but none with this method. `allow` is what all of them take together. */
  | { readonly kind: "wrong-method"; readonly allow: readonly string[] }
  | { readonly kind: "none" };

export interface RouteTable<T> {
  /** `authority` as `readHost` and `path` as `readTarget` give them. */
  match(authority: string, path: string, method: string): RouteMatch<T>;
}

/** One route as the index holds it. */
interface Candidate<T> {
  /** Place in the configuration: the lowest that matches wins. */
  readonly order: number;
  /** Undefined: every method. */
  readonly methods: ReadonlySet<string> | undefined;
  readonly names: readonly { readonly name: string; readonly segment: number }[];
  readonly value: T;
  /** The answer when nothing was captured, made once. */
  readonly plain: RouteMatch<T>;
}

/** A place in the trie over path segments. Lists are in configuration order. */
interface Node<T> {
  /** Lowest order at or under this node. */
  least: number;
  readonly here: Candidate<T>[];
  /** Patterns with their `*` after this node's slash: they match here and everywhere under it. */
  readonly below: Candidate<T>[];
  readonly literals: Map<string, Node<T>>;
  param: Node<T> | undefined;
  /** Patterns with their `*` inside the next segment, by the text before it, and the lengths of these texts. */
  readonly partials: Map<string, Candidate<T>[]>;
  readonly partialLengths: number[];
}

const createNode = <T>(): Node<T> => ({
  least: Number.POSITIVE_INFINITY,
  here: [],
  below: [],
  literals: new Map(),
  param: undefined,
  partials: new Map(),
  partialLengths: [],
});

const NO_PARAMS: Readonly<Record<string, string>> = Object.freeze(Object.create(null) as Record<string, string>);
const NONE: { readonly kind: "none" } = Object.freeze({ kind: "none" });

/**
 * Compiles routes into an index: the first that matches in configuration order wins, as if they were tried one by one.
 * A match visits each node of the index once at most, so its cost is bounded by the configuration, whatever the path.
 */
export function compileRoutes<T>(
  routes: readonly { readonly match: RouteSettings["match"]; readonly value: T }[],
): RouteTable<T> {
  const hosts = new HostIndex(createNode<T>);
  for (const [order, { match, value }] of routes.entries()) {
    const pattern = parsePattern(match.path);
    const candidate = toCandidate(order, pattern, match.methods, value);
    for (const root of hosts.valuesFor(match.host)) insert(root, pattern, candidate);
  }
  return {
    match(authority, path, method) {
      const plain = plainPath(path, "ends segments");
      const best = hosts.fold<Candidate<T> | undefined>(authority, undefined, (reached, root) =>
        find(root, plain, 1, method, reached),
      );
      if (best === undefined) return methodsOf(hosts, authority, plain);
      if (best.names.length === 0) return best.plain;
      return { kind: "found", value: best.value, params: capture(best, plainPath(path)) };
    },
  };
}

function toCandidate<T>(
  order: number,
  pattern: PathPattern,
  methods: readonly string[] | undefined,
  value: T,
): Candidate<T> {
  const names: { name: string; segment: number }[] = [];
  for (const [index, segment] of pattern.segments.entries()) {
    if (segment.kind === "param") names.push({ name: segment.name, segment: index });
  }
  const taken = methods && new Set(methods.includes("GET") ? [...methods, "HEAD"] : methods);
  return { order, methods: taken, names, value, plain: Object.freeze({ kind: "found", value, params: NO_PARAMS }) };
}

/** Routes come in configuration order, so pushing keeps every list in it. */
function insert<T>(root: Node<T>, pattern: PathPattern, candidate: Candidate<T>): void {
  let node = root;
  node.least = Math.min(node.least, candidate.order);
  for (const segment of pattern.segments) {
    node = segment.kind === "param" ? (node.param ??= createNode()) : literalUnder(node, segment.text);
    node.least = Math.min(node.least, candidate.order);
  }
  if (pattern.star.kind === "none") node.here.push(candidate);
  else if (pattern.star.kind === "below") node.below.push(candidate);
  else {
    const text = pattern.star.text;
    const list = node.partials.get(text);
    if (list) list.push(candidate);
    else node.partials.set(text, [candidate]);
    if (!node.partialLengths.includes(text.length)) node.partialLengths.push(text.length);
  }
}

function literalUnder<T>(node: Node<T>, text: string): Node<T> {
  let under = node.literals.get(text);
  if (!under) node.literals.set(text, (under = createNode()));
  return under;
}

/** The best candidate among `best` and those at or under `node`. `from` is where the next segment of `path` begins. */
function find<T>(
  node: Node<T>,
  path: string,
  from: number,
  method: string,
  best: Candidate<T> | undefined,
): Candidate<T> | undefined {
  if (best !== undefined && node.least >= best.order) return best;
  let found = first(node.below, method, best);
  if (found !== undefined && node.least >= found.order) return found;
  if (from > path.length) return first(node.here, method, found);
  const slash = path.indexOf("/", from);
  const end = slash < 0 ? path.length : slash;
  const segment = path.slice(from, end);
  const literal = node.literals.get(segment);
  if (literal) found = find(literal, path, end + 1, method, found);
  if (node.param && end > from) found = find(node.param, path, end + 1, method, found);
  for (const length of node.partialLengths) {
    const list = length <= segment.length ? node.partials.get(segment.slice(0, length)) : undefined;
    if (list) found = first(list, method, found);
  }
  return found;
}

function first<T>(
  list: readonly Candidate<T>[],
  method: string,
  best: Candidate<T> | undefined,
): Candidate<T> | undefined {
  for (const candidate of list) {
    if (best !== undefined && candidate.order >= best.order) return best;
    if (candidate.methods === undefined || candidate.methods.has(method)) return candidate;
  }
  return best;
}

/** What stands behind a path that no route takes with the method asked for. */
function methodsOf<T>(hosts: HostIndex<Node<T>>, authority: string, path: string): RouteMatch<T> {
  const allow = hosts.fold(authority, new Set<string>(), (reached, root) => collect(root, path, 1, reached));
  return allow.size === 0 ? NONE : { kind: "wrong-method", allow: [...allow] };
}

/** Walks as {@link find} does, and adds the methods of every route on the way. */
function collect<T>(node: Node<T>, path: string, from: number, into: Set<string>): Set<string> {
  addMethods(node.below, into);
  if (from > path.length) return addMethods(node.here, into);
  const slash = path.indexOf("/", from);
  const end = slash < 0 ? path.length : slash;
  const segment = path.slice(from, end);
  const literal = node.literals.get(segment);
  if (literal) collect(literal, path, end + 1, into);
  if (node.param && end > from) collect(node.param, path, end + 1, into);
  for (const length of node.partialLengths) {
    if (length <= segment.length) addMethods(node.partials.get(segment.slice(0, length)) ?? [], into);
  }
  return into;
}

function addMethods<T>(list: readonly Candidate<T>[], into: Set<string>): Set<string> {
  for (const { methods } of list) if (methods) for (const method of methods) into.add(method);
  return into;
}

/** The segments that the parameters of a route stand for. A null prototype makes every name safe. */
function capture<T>(candidate: Candidate<T>, plain: string): Readonly<Record<string, string>> {
  const params = Object.create(null) as Record<string, string>;
  let segment = 0;
  let from = 1;
  for (const wanted of candidate.names) {
    for (; segment < wanted.segment; segment++) from = plain.indexOf("/", from) + 1;
    const slash = plain.indexOf("/", from);
    params[wanted.name] = plain.slice(from, slash < 0 ? plain.length : slash);
  }
  return params;
}
