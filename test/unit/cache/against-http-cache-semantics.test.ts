import assert from "node:assert/strict";
import { test } from "node:test";
import * as fc from "fast-check";
import CachePolicy from "http-cache-semantics";
import { storedHead } from "../../../src/cache/rules/age.ts";
import { formatDate } from "../../../src/cache/rules/date.ts";
import { judgeReuse } from "../../../src/cache/rules/reuse.ts";
import { judgeStore } from "../../../src/cache/rules/store.ts";
import { varyKey } from "../../../src/cache/rules/vary.ts";

const T = Date.UTC(2026, 10, 20, 12);
const SECOND = 1000;

type Fields = Readonly<Record<string, string>>;

/** One exchange that brings an answer, and a second request so many milliseconds later. */
interface Case {
  readonly first: Fields;
  readonly status: number;
  readonly says: Fields;
  readonly second: Fields;
  readonly later: number;
}

type Verdict = "use" | "use and refresh" | "ask";

const flat = (fields: Fields): string[] => Object.entries(fields).flat();

function ours({ first, status, says, second, later }: Case): Verdict {
  const asked = { method: "GET", headers: flat(first) };
  const verdict = judgeStore(asked, { status, headers: flat(says) }, { by: "origin" });
  const request = { method: "GET", headers: flat(second) };
  if (!verdict.store || varyKey(says["vary"], asked) !== varyKey(says["vary"], request)) return "ask";
  const head = storedHead({ status, headers: verdict.headers }, { requestedAt: T, receivedAt: T, wall: T });
  const { use } = judgeReuse(request, head, { by: "origin" }, T + later);
  if (use === "fresh") return "use";
  return use === "stale-while-revalidate" ? "use and refresh" : "ask";
}

function theirs({ first, status, says, second, later }: Case): Verdict {
  let now = T;
  class AtWill extends CachePolicy {
    now(): number {
      return now;
    }
  }
  const policy = new AtWill({ method: "GET", url: "/", headers: { ...first } }, { status, headers: { ...says } });
  if (!policy.storable()) return "ask";
  now += later;
  const { response, revalidation } = policy.evaluateRequest({ method: "GET", url: "/", headers: { ...second } });
  if (!response) return "ask";
  return revalidation ? "use and refresh" : "use";
}

const has = (fields: Fields, word: RegExp): boolean => word.test(fields["cache-control"] ?? "");

/** Where the two part, why ours stands, and how to know such a case. */
const EXCEPTIONS: Readonly<Record<string, (one: Case, ours: Verdict, theirs: Verdict) => boolean>> = {
  "must-revalidate and proxy-revalidate hold once the answer is stale (RFC 9111 5.2.2.2, 5.2.2.8); they: always": (
    { says },
    our,
    their,
  ) => has(says, /must-revalidate|proxy-revalidate/) && our === "use" && their !== "use",
  "proxy-revalidate forbids every stale answer (RFC 9111 5.2.2.8); they: not those a client would take": (
    { says },
    our,
  ) => has(says, /proxy-revalidate/) && our === "ask",
  "s-maxage forbids every stale answer of a shared cache (RFC 9111 5.2.2.10); they: lets it pass": ({ says }, our) =>
    has(says, /s-maxage/) && our === "ask",
  "no-cache is never used unasked, not for max-stale either (RFC 9111 5.2.2.4); they: stale, so max-stale takes it": (
    { says },
    our,
  ) => has(says, /no-cache(?!=)/) && our === "ask",
  "qualified no-cache and private leave fields out (RFC 9111 5.2.2.4, 5.2.2.7); they: the whole answer": (
    { says },
    our,
    their,
  ) => has(says, /(?:no-cache|private)="/) && our !== "ask" && their !== "use",
  "must-understand takes no-store back where the status is understood (RFC 9111 5.2.2.3); they: do not know it": (
    { says },
    our,
    their,
  ) => has(says, /must-understand/) && has(says, /no-store/) && our !== "ask" && their === "ask",
  "a stale answer for max-stale is refreshed behind it (RFC 9111 5.2.1.2 leaves it open); they: not": (
    { second },
    our,
    their,
  ) => has(second, /max-stale/) && our === "use and refresh" && their === "use",
  "max-stale takes what is that stale to the second (RFC 9111 5.2.1.2: no more than); they: less": ({ second }, our) =>
    has(second, /max-stale/) && our === "use and refresh",
  "max-stale says how stale, so stale-while-revalidate does not go beyond it (RFC 9111 5.2.1.2); they: does": (
    { second },
    our,
    their,
  ) => has(second, /max-stale=/) && our === "ask" && their === "use and refresh",
  "a request's max-age takes nothing stale (RFC 9111 5.2.1.1); they: stale-while-revalidate does": (
    { second },
    our,
    their,
  ) => has(second, /max-age/) && our === "ask" && their === "use and refresh",
  "a request's max-age=0 wants the origin asked, at age 0 too (RFC 9111 5.2.1.1); they: use": ({ second }, our) =>
    has(second, /max-age=0/) && our === "ask",
  "Pragma counts only without Cache-Control, in requests only (RFC 9111 5.4); they: always": (
    { says, second },
    our,
    their,
  ) => ("pragma" in says || ("pragma" in second && "cache-control" in second)) && our !== "ask" && their === "ask",
  "an old Date makes an answer old (RFC 9111 4.2.3); they: only Age does": ({ says }) => Date.parse(says["date"]!) < T,
  "a request with cookies is not answered for all without public (C2); they: is": ({ first, says }, our) =>
    "cookie" in first && !has(says, /public/) && our === "ask",
  "an answer that sets cookies is not kept (C3); they: with public": ({ says }, our) =>
    "set-cookie" in says && our === "ask",
  "explicit freshness makes any final status storable (RFC 9111 3); they: some": ({ status }, our, their) =>
    status === 500 && our === "use" && their === "ask",
  "immutable says nothing of a lifetime (RFC 8246 2); they: a day": ({ says }) => has(says, /immutable/),
  "a validator is needed for a guess, and a status that allows it (RFC 9111 4.2.2); they: public will do for max-stale":
    ({ says }, our) => !has(says, /max-age/) && !("expires" in says) && our === "ask",
};

const seconds = fc.constantFrom(0, 1, 5, 10, 60);
const timed = (name: string): fc.Arbitrary<string> => seconds.map((count) => `${name}=${count}`);
const list = (...directives: fc.Arbitrary<string>[]): fc.Arbitrary<string> =>
  fc
    .tuple(...directives.map((one) => fc.option(one, { nil: undefined, freq: 3 })))
    .map((all) => all.filter((one) => one !== undefined).join(", "));
const always = (text: string): fc.Arbitrary<string> => fc.constant(text);
/** Rare ones, so that most answers are usable at all. */
const rare = (...texts: string[]): fc.Arbitrary<string> =>
  fc.oneof({ arbitrary: always("x-none"), weight: 12 }, { arbitrary: fc.constantFrom(...texts), weight: 1 });

/** A field that few have. */
const seldom = (text: string): fc.Arbitrary<string | undefined> =>
  fc.oneof({ arbitrary: fc.constant(undefined), weight: 12 }, { arbitrary: always(text), weight: 1 });

const answerControl = list(
  fc.oneof({ arbitrary: timed("max-age"), weight: 3 }, { arbitrary: always("immutable"), weight: 1 }),
  rare("s-maxage=5", "s-maxage=60"),
  timed("stale-while-revalidate"),
  rare("must-revalidate", "proxy-revalidate"),
  rare("private", "no-store", "no-cache", 'no-cache="x"', 'private="x"', "no-store, must-understand"),
  rare("public"),
);
const requestControl = list(
  rare("no-cache", "no-store"),
  rare("max-age=0", "max-age=5"),
  rare("min-fresh=5", "min-fresh=60"),
  rare("max-stale", "max-stale=5"),
);

const fields = (record: Record<string, fc.Arbitrary<string | undefined>>): fc.Arbitrary<Fields> =>
  fc
    .record(record)
    .map((all) =>
      Object.fromEntries(Object.entries(all).flatMap(([name, value]) => (value ? [[name, value] as const] : []))),
    );
const at = (second: number): string => formatDate(T + second * SECOND);

const cases: fc.Arbitrary<Case> = fc.record({
  first: fields({ authorization: seldom("a"), cookie: seldom("a"), "x-lang": fc.constantFrom("a", "b", undefined) }),
  status: fc.constantFrom(200, 200, 200, 203, 301, 302, 404, 410, 500),
  says: fields({
    "cache-control": answerControl,
    date: fc.constantFrom(at(0), at(0), at(0), at(-7)),
    expires: fc.constantFrom(undefined, undefined, at(-5), at(0), at(5), at(60), "0"),
    "last-modified": fc.constantFrom(undefined, undefined, at(-50), at(-600), at(5)),
    age: fc.constantFrom(undefined, undefined, "0", "3", "30"),
    vary: fc.constantFrom(undefined, undefined, undefined, undefined, "x-lang", "*"),
    "set-cookie": seldom("a=b"),
    pragma: seldom("no-cache"),
  }),
  second: fields({
    "cache-control": requestControl,
    pragma: seldom("no-cache"),
    "x-lang": fc.constantFrom("a", "b", undefined),
  }),
  later: fc.constantFrom(0, 500, 4000, 7000, 12_000, 40_000, 70_000),
});

test("decides as http-cache-semantics does, but for differences that have a name", () => {
  const met = new Map(Object.keys(EXCEPTIONS).map((name) => [name, 0]));
  let agreed = 0;
  let used = 0;
  fc.assert(
    fc.property(cases, (one) => {
      const our = ours(one);
      const their = theirs(one);
      if (our !== "ask") used++;
      if (our === their) return void agreed++;
      const names = Object.keys(EXCEPTIONS).filter((name) => EXCEPTIONS[name]!(one, our, their));
      assert.ok(names.length > 0, `ours: ${our}, theirs: ${their}`);
      for (const name of names) met.set(name, met.get(name)! + 1);
    }),
    { numRuns: 8000, seed: 9111 },
  );
  assert.ok(agreed > 6000 && used > 1200, `${agreed} agree, ${used} are used`);
  for (const [name, times] of met) assert.ok(times > 0, `never met: ${name}`);
});
