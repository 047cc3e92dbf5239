import { hash } from "node:crypto";
import { UsageError } from "../../core/errors.ts";
import type { Cache, CachePurge, LoadPolicy } from "./cache.ts";
import { encodeValue, jsonOf } from "./value.ts";

/** Any function that answers with a promise. */
export type AsyncFunction = (...args: never[]) => Promise<unknown>;

/** How the answers of a function are kept. */
export interface CachedPolicy<F extends AsyncFunction> extends LoadPolicy<Awaited<ReturnType<F>>> {
  /** Where. */
  readonly cache: Cache;
  /** Of two calls with the same key the second one gets the answer of the first. Default: `name` and the arguments. */
  readonly key?: (...args: Parameters<F>) => string;
  /** Parts the keys of one function from those of others in the cache. Default: the function's own name. */
  readonly name?: string;
}

/** Characters of arguments that a key shows; longer ones become their SHA-256. */
const LONGEST_SHOWN = 200;

/**
 * The same function with its answers kept: of the same type, with the same answers, each caller with a copy of its own.
 * What it throws is thrown to all who waited and is not kept, unless `errorTtl` says so.
 */
export function cached<F extends AsyncFunction>(fn: F, policy: CachedPolicy<F>): F {
  const { cache, key, name = fn.name } = policy;
  if (!key && name === "")
    throw new UsageError("cached: a function without a name needs one, or a key: { name } or { key }");
  const keyOf = key ?? ((...args: Parameters<F>) => `${name}(${shown(name, args)})`);
  const wrapped = async function wrapped(this: unknown, ...args: Parameters<F>): Promise<unknown> {
    return cache.getOrLoad(keyOf(...args), () => fn.apply(this, args), policy as LoadPolicy<unknown>);
  };
  return Object.defineProperty(wrapped, "name", { value: fn.name }) as unknown as F;
}

/** The same function, after which what has one of the tags is purged: when it has succeeded, and only then. */
export function invalidates<F extends AsyncFunction>(fn: F, policy: InvalidatesPolicy<F>): F {
  const { cache, tags, keys, soft = false } = policy;
  const wrapped = async function wrapped(this: unknown, ...args: Parameters<F>): Promise<unknown> {
    const result = (await fn.apply(this, args)) as Awaited<ReturnType<F>>;
    const purge: CachePurge = { tags: namesOf(tags, result, args), keys: namesOf(keys, result, args), soft };
    if (purge.tags!.length + purge.keys!.length > 0) await cache.purge(purge);
    return result;
  };
  return Object.defineProperty(wrapped, "name", { value: fn.name }) as unknown as F;
}

/** Names, or what tells them of a result and the arguments that led to it. */
type Names<F extends AsyncFunction> =
  | readonly string[]
  | ((result: Awaited<ReturnType<F>>, ...args: Parameters<F>) => readonly string[]);

export interface InvalidatesPolicy<F extends AsyncFunction> {
  readonly cache: Cache;
  readonly tags?: Names<F>;
  readonly keys?: Names<F>;
  /** What is purged may still stand in for a load that fails. Default: it is gone. */
  readonly soft?: boolean;
}

function namesOf<F extends AsyncFunction>(
  names: Names<F> | undefined,
  result: Awaited<ReturnType<F>>,
  args: Parameters<F>,
): readonly string[] {
  return typeof names === "function" ? names(result, ...args) : (names ?? []);
}

/** Arguments as a text that no other arguments have. */
function shown(name: string, args: readonly unknown[]): string {
  let bytes: Buffer;
  try {
    bytes = encodeValue(args);
  } catch (thrown) {
    throw new UsageError(
      `cached: the arguments of ${name} make no key, give one as { key }: ${(thrown as Error).message}`,
    );
  }
  const text = jsonOf(bytes);
  return text !== undefined && text.length <= LONGEST_SHOWN ? text.slice(1, -1) : hash("sha256", bytes, "base64url");
}
