/**
 * Values by host pattern: exact hosts, `*.suffix` hosts (any depth below the suffix, not the suffix itself), any host.
 * A pattern without a port matches every port. One with 80 or 443 also matches an authority without a port, because
 * authorities leave the port of their scheme out.
 */
export class HostIndex<V> {
  readonly #create: () => V;
  readonly #hosts: Names<V> = emptyNames();
  readonly #authorities: Names<V> = emptyNames();
  #any: V | undefined;

  /** `create` makes the value of a pattern that is new. */
  constructor(create: () => V) {
    this.#create = create;
  }

  /** The values to put what belongs to a pattern into: usually one. `undefined` is any host. */
  valuesFor(pattern: string | undefined): V[] {
    if (pattern === undefined) return [(this.#any ??= this.#create())];
    const lower = pattern.toLowerCase();
    const [host = "", port] = lower.split(":");
    if (port === undefined) return [this.#named(this.#hosts, withoutDot(host))];
    const values = [this.#named(this.#authorities, `${withoutDot(host)}:${port}`)];
    if (port === "80" || port === "443") values.push(this.#named(this.#authorities, withoutDot(host)));
    return values;
  }

  /** Folds the value of every pattern that matches, in no order of configuration. */
  fold<R>(authority: string, start: R, step: (reached: R, value: V) => R): R {
    let reached = start;
    if (this.#hosts.used) reached = foldNames(this.#hosts, hostOf(authority), reached, step);
    if (this.#authorities.used) reached = foldNames(this.#authorities, authority, reached, step);
    return this.#any === undefined ? reached : step(reached, this.#any);
  }

  #named(names: Names<V>, pattern: string): V {
    names.used = true;
    const wild = pattern.startsWith("*.");
    const key = wild ? pattern.slice(2) : pattern;
    const map = wild ? names.suffixes : names.exact;
    let value = map.get(key);
    if (value === undefined) map.set(key, (value = this.#create()));
    if (wild && !names.lengths.includes(key.length)) names.lengths.push(key.length);
    return value;
  }
}

interface Names<V> {
  used: boolean;
  readonly exact: Map<string, V>;
  readonly suffixes: Map<string, V>;
  /** The distinct lengths of the suffixes: what a long host costs hangs on the configuration, not on its labels. */
  readonly lengths: number[];
}

const emptyNames = <V>(): Names<V> => ({ used: false, exact: new Map(), suffixes: new Map(), lengths: [] });

function foldNames<V, R>(names: Names<V>, name: string, start: R, step: (reached: R, value: V) => R): R {
  let reached = start;
  const exact = names.exact.get(name);
  if (exact !== undefined) reached = step(reached, exact);
  for (const length of names.lengths) {
    const dot = name.length - length - 1;
    if (dot < 1 || name.charCodeAt(dot) !== 0x2e) continue;
    const below = names.suffixes.get(name.slice(dot + 1));
    if (below !== undefined) reached = step(reached, below);
  }
  return reached;
}

const withoutDot = (host: string): string => (host.endsWith(".") ? host.slice(0, -1) : host);

/** An authority without its port; IPv6 addresses keep their brackets. */
function hostOf(authority: string): string {
  const colon = authority.lastIndexOf(":");
  return colon < 0 || authority.endsWith("]") ? authority : authority.slice(0, colon);
}
