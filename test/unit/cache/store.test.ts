import assert from "node:assert/strict";
import { suite, test } from "node:test";
import * as fc from "fast-check";
import type { CachePolicy, NotStored } from "../../../src/cache/rules.ts";
import { judgeStore, type StoreOptions } from "../../../src/cache/rules/store.ts";

const ORIGIN: CachePolicy = { by: "origin" };
const OPERATOR: CachePolicy = { by: "operator", ttl: 60_000, staleWhileRevalidate: 0, staleIfError: 0 };
const MODIFIED = ["Last-Modified", "Sun, 06 Nov 1994 08:49:37 GMT"];
const FUTURE = "Thu, 18 Aug 2050 02:01:18 GMT";

interface Row {
  readonly why: string;
  readonly is: "stored" | NotStored;
  readonly method?: string;
  readonly asks?: string[];
  readonly status?: number;
  readonly says?: string[];
  readonly policy?: CachePolicy;
  readonly options?: StoreOptions;
}

const cc = (value: string): string[] => ["Cache-Control", value];
const FRESH = cc("max-age=60");

const ROWS: Row[] = [
  { why: "explicit freshness (3)", says: FRESH, is: "stored" },
  { why: "s-maxage (3)", says: cc("s-maxage=60"), is: "stored" },
  { why: "Expires (3)", says: ["Expires", FUTURE], is: "stored" },
  { why: "max-age=0, to be asked about (3)", says: cc("max-age=0"), is: "stored" },
  { why: "nothing said (3)", is: "no-freshness" },
  { why: "a tag alone (3)", says: ["ETag", '"a"'], is: "no-freshness" },
  { why: "Last-Modified (4.2.2)", says: MODIFIED, is: "stored" },
  { why: "Last-Modified that is no date (4.2.2)", says: ["Last-Modified", "0"], is: "no-freshness" },
  { why: "no-cache with a tag (5.2.2.4)", says: [...cc("no-cache"), "ETag", '"a"'], is: "stored" },
  { why: "no-cache without a validator (5.2.2.4)", says: cc("no-cache"), is: "no-freshness" },
  { why: "HEAD", method: "HEAD", says: FRESH, is: "method" },
  { why: "POST", method: "POST", says: FRESH, is: "method" },
  { why: "an unknown method", method: "M-SEARCH", says: FRESH, is: "method" },
  { why: "get is not GET (RFC 9110 9.1)", method: "get", says: FRESH, is: "method" },
  { why: "206 (3.3)", status: 206, says: FRESH, is: "partial" },
  { why: "304", status: 304, says: FRESH, is: "status" },
  { why: "416", status: 416, says: FRESH, is: "status" },
  { why: "103 is not final (3)", status: 103, says: FRESH, is: "status" },
  { why: "a status that is none", status: 700, says: FRESH, is: "status" },
  { why: "no-store (5.2.2.5)", says: cc("max-age=10000, no-store"), is: "no-store" },
  { why: "no-store in any case (5.2.2.5)", says: cc("No-StOrE"), is: "no-store" },
  { why: "no-store on a second line (5.2.2.5)", says: [...FRESH, ...cc("no-store")], is: "no-store" },
  { why: "no-store beside Expires (5.2.2.5)", says: [...cc("no-store"), "Expires", FUTURE], is: "no-store" },
  { why: "private (5.2.2.7)", says: cc("private, max-age=3600"), is: "private" },
  { why: 'private="" (5.2.2.7)', says: cc('private="", max-age=3600'), is: "private" },
  { why: "private and public (5.2.2.7)", says: cc("public, private, max-age=3600"), is: "private" },
  { why: "a field in doubt", says: cc("max-age=3600; private"), is: "unreadable" },
  { why: "a space before =", says: cc("max-age =3600"), is: "unreadable" },
  { why: "the request's no-store (5.2.1.5)", asks: cc("no-store"), says: FRESH, is: "request-no-store" },
  { why: "a request in doubt", asks: cc('a="'), says: FRESH, is: "unreadable" },
  { why: "must-understand, understood (5.2.2.3)", says: cc("max-age=3600, no-store, must-understand"), is: "stored" },
  {
    why: "must-understand, not understood (5.2.2.3)",
    status: 599,
    says: cc("max-age=3600, no-store, must-understand"),
    is: "no-store",
  },
  {
    why: "must-understand alone, not understood (5.2.2.3)",
    status: 299,
    says: cc("max-age=3600, must-understand"),
    is: "status",
  },
  { why: "Authorization (3.5)", asks: ["Authorization", "x"], says: FRESH, is: "authorization" },
  { why: "Authorization and public (3.5)", asks: ["Authorization", "x"], says: cc("max-age=60, public"), is: "stored" },
  { why: "Authorization and s-maxage (3.5)", asks: ["Authorization", "x"], says: cc("s-maxage=60"), is: "stored" },
  {
    why: "Authorization and must-revalidate (3.5)",
    asks: ["Authorization", "x"],
    says: cc("max-age=60, must-revalidate"),
    is: "stored",
  },
  {
    why: "Authorization and proxy-revalidate (3.5)",
    asks: ["Authorization", "x"],
    says: cc("max-age=60, proxy-revalidate"),
    is: "authorization",
  },
  { why: "Cookie", asks: ["Cookie", "a=b"], says: FRESH, is: "cookie" },
  { why: "Cookie and public", asks: ["Cookie", "a=b"], says: cc("public, max-age=60"), is: "stored" },
  { why: "Cookie and s-maxage", asks: ["Cookie", "a=b"], says: cc("s-maxage=60"), is: "cookie" },
  {
    why: "Cookie that does not matter",
    asks: ["Cookie", "a=b"],
    says: FRESH,
    options: { cookieIrrelevant: true },
    is: "stored",
  },
  {
    why: "Authorization where cookies do not matter",
    asks: ["Authorization", "x"],
    says: FRESH,
    options: { cookieIrrelevant: true },
    is: "authorization",
  },
  { why: "Set-Cookie", says: [...cc("public, max-age=60"), "Set-Cookie", "a=b"], is: "set-cookie" },
  {
    why: "Set-Cookie where it may",
    says: [...FRESH, "Set-Cookie", "a=b"],
    options: { setCookie: "store" },
    is: "stored",
  },
  {
    why: "Set-Cookie that no-cache withholds",
    says: [...cc('max-age=60, no-cache="set-cookie"'), "Set-Cookie", "a=b"],
    is: "set-cookie",
  },
  { why: "Vary: * (4.1)", says: [...FRESH, "Vary", "*"], is: "vary-star" },
  { why: "Vary: *, * (4.1)", says: [...FRESH, "Vary", "*, *"], is: "vary-star" },
  { why: "Vary: * on two lines (4.1)", says: [...FRESH, "Vary", "", "Vary", "*"], is: "vary-star" },
  { why: "Vary: , * (4.1)", says: [...FRESH, "Vary", ", *"], is: "vary-star" },
  { why: "Vary: *, Foo (4.1)", says: [...FRESH, "Vary", "*, Foo"], is: "vary-star" },
  { why: "Vary: Foo, * (4.1)", says: [...FRESH, "Vary", "Foo, *"], is: "vary-star" },
  { why: "Vary of what is no field (4.1)", says: [...FRESH, "Vary", "a b"], is: "vary-star" },
  { why: "a targeted field (RFC 9213)", says: ["CDN-Cache-Control", "max-age=60"], is: "stored" },
  {
    why: "a targeted field beside no-store (RFC 9213)",
    says: [...cc("no-store"), "CDN-Cache-Control", "max-age=60"],
    is: "stored",
  },
  { why: "a targeted private (RFC 9213)", says: ["CDN-Cache-Control", "private", ...FRESH], is: "private" },
  {
    why: "a targeted no-store (RFC 9213)",
    says: ["CDN-Cache-Control", "no-store", ...FRESH, "Expires", FUTURE],
    is: "no-store",
  },
  {
    why: "a malformed targeted field (RFC 9213)",
    says: ["CDN-Cache-Control", "max-age=10000, &&&&&", ...cc("no-store")],
    is: "no-store",
  },
  {
    why: "Expires beside a targeted field (RFC 9213)",
    says: ["CDN-Cache-Control", "foo", "Expires", FUTURE],
    is: "no-freshness",
  },
  { why: "ttl and nothing said", policy: OPERATOR, is: "stored" },
  { why: "ttl and no-cache", policy: OPERATOR, says: cc("no-cache"), is: "stored" },
  { why: "ttl and 404", policy: OPERATOR, status: 404, is: "stored" },
  { why: "ttl and 302", policy: OPERATOR, status: 302, is: "no-freshness" },
  { why: "ttl and 302 with freshness", policy: OPERATOR, status: 302, says: FRESH, is: "stored" },
  { why: "ttl and 500", policy: OPERATOR, status: 500, is: "no-freshness" },
  { why: "ttl and HEAD", policy: OPERATOR, method: "HEAD", is: "method" },
  { why: "ttl and private", policy: OPERATOR, says: cc("private"), is: "private" },
  { why: "ttl and no-store", policy: OPERATOR, says: cc("no-store"), is: "no-store" },
  { why: "ttl and Set-Cookie", policy: OPERATOR, says: ["Set-Cookie", "a=b"], is: "set-cookie" },
  { why: "ttl and Authorization", policy: OPERATOR, asks: ["Authorization", "x"], is: "authorization" },
  { why: "ttl and Cookie", policy: OPERATOR, asks: ["Cookie", "x"], is: "cookie" },
  { why: "ttl and Vary: *", policy: OPERATOR, says: ["Vary", "a, *"], is: "vary-star" },
  { why: "ttl and the request's no-store", policy: OPERATOR, asks: cc("no-store"), is: "request-no-store" },
];

const EXPLICIT = [
  200, 201, 203, 204, 299, 301, 302, 303, 307, 308, 401, 403, 404, 405, 410, 499, 500, 502, 503, 504, 599,
];
const NEVER = [400, 413, 414, 429, 431];
const GUESSED = [200, 203, 204, 300, 301, 308, 404, 410];
const NOT_GUESSED = [201, 202, 299, 302, 303, 307, 401, 403, 405, 499, 500, 501, 502, 503, 504, 599];

function judge({
  method = "GET",
  asks = [],
  status = 200,
  says = [],
  policy = ORIGIN,
  options,
}: Omit<Row, "why" | "is">) {
  return judgeStore({ method, headers: asks }, { status, headers: says }, policy, options);
}

const outcome = (row: Omit<Row, "why" | "is">): string => {
  const verdict = judge(row);
  return verdict.store ? "stored" : verdict.reason;
};

suite("storing, RFC 9111 section 3", () => {
  for (const row of ROWS) test(`${row.why}: ${row.is}`, () => assert.equal(outcome(row), row.is));

  for (const status of EXPLICIT) {
    test(`${String(status)} with explicit freshness is stored (3)`, () =>
      assert.equal(outcome({ status, says: FRESH }), "stored"));
  }
  for (const status of NEVER) {
    test(`${String(status)} is never stored, being one client's doing`, () => {
      assert.equal(outcome({ status, says: FRESH }), "status");
      assert.equal(outcome({ status, policy: OPERATOR }), "status");
    });
  }
  for (const status of GUESSED) {
    test(`${String(status)} is stored on a guess (4.2.2)`, () =>
      assert.equal(outcome({ status, says: MODIFIED }), "stored"));
  }
  for (const status of NOT_GUESSED) {
    test(`${String(status)} is not stored on a guess (4.2.2)`, () =>
      assert.equal(outcome({ status, says: MODIFIED }), "no-freshness"));
  }

  test("public allows a guess for other statuses, but no errors (4.2.2)", () => {
    const says = [...cc("public"), ...MODIFIED];
    assert.equal(outcome({ status: 299, says }), "stored");
    assert.equal(outcome({ status: 599, says }), "no-freshness");
    assert.equal(outcome({ status: 403, says }), "no-freshness");
  });

  test("leaves out hop-by-hop fields and those withheld (3.1, 5.2.2.4)", () => {
    const says = [
      "A",
      "1",
      "b",
      "2",
      "C",
      "3",
      ...cc('no-cache="a, B", max-age=9'),
      "Connection",
      "x, Keep-Alive",
      "X",
      "1",
      "keep-alive",
      "5",
      "Transfer-Encoding",
      "chunked",
      "TE",
      "x",
    ];
    const verdict = judge({ says });
    assert.deepEqual(verdict, { store: true, headers: ["C", "3", ...cc('no-cache="a, B", max-age=9')] });
  });

  test("what is not stored for lack of freshness is not personal, a refusal and all else is", () => {
    const personal = (row: Omit<Row, "why" | "is">): boolean => {
      const verdict = judge(row);
      return !verdict.store && verdict.personal;
    };
    assert.equal(personal({}), false);
    assert.equal(personal({ status: 503 }), false);
    assert.equal(personal({ status: 403 }), true);
    assert.equal(personal({ status: 429 }), true);
    for (const row of ROWS)
      if (row.is !== "stored" && row.is !== "no-freshness") assert.equal(personal(row), true, row.why);
  });
});

const directive = fc.constantFrom(
  "public",
  "max-age=99",
  "s-maxage=9",
  "must-revalidate",
  "immutable",
  "stale-if-error=1",
  'no-cache="a"',
  "x",
  'y="z, public"',
  'private="q"',
);
const field = fc.oneof(
  fc.constantFrom(
    ["Expires", FUTURE],
    MODIFIED,
    ["ETag", '"a"'],
    ["Vary", "a"],
    ["Set-Cookie", "a=b"],
    ["Pragma", "public"],
  ),
  fc.array(directive).map((list) => cc(list.join(", "))),
);
const fields = fc.array(field).map((list) => list.flat());
const policy = fc.constantFrom(ORIGIN, OPERATOR);
const options = fc.constantFrom<StoreOptions>({}, { cookieIrrelevant: true, setCookie: "store" });
const status = fc.oneof(fc.constantFrom(...EXPLICIT, ...NEVER), fc.integer({ min: 100, max: 599 }));

test("a private or no-store answer is never storable, whatever else it says", () => {
  const barred = fc.constantFrom(
    "private",
    "no-store",
    "PRIVATE",
    'private=""',
    "no-store=1",
    "private=",
    "x,no-store",
    'x="\\"",private',
  );
  fc.assert(
    fc.property(fields, barred, fields, status, policy, options, (before, word, after, status, policy, options) => {
      assert.equal(judge({ status, says: [...before, ...cc(word), ...after], policy, options }).store, false);
    }),
  );
});

test("an answer to one who says who they are is never storable without a word that it is for all", () => {
  const quiet = fc.constantFrom("max-age=9", "stale-if-error=1", 'x="public"', 'private="a"', "publicx");
  const who = fc.constantFrom<string[]>(["Authorization", "x"], ["COOKIE", "a=b"], ["cookie", ""]);
  fc.assert(
    fc.property(who, fc.array(quiet), status, policy, (asks, words, status, policy) => {
      assert.equal(judge({ asks, status, says: cc(words.join(",")), policy }).store, false);
    }),
  );
});

test("no head makes it throw", () => {
  const any = fc
    .array(
      fc.tuple(
        fc.constantFrom("Cache-Control", "CDN-Cache-Control", "Vary", "Expires", "Last-Modified", "Connection", "x"),
        fc.string({ unit: "binary" }),
      ),
    )
    .map((list) => list.flat());
  fc.assert(
    fc.property(fc.string(), any, fc.integer(), any, policy, (method, asks, status, says, policy) => {
      judge({ method, asks, status, says, policy });
      judge({ method: "GET", asks, status: 200, says, policy });
    }),
  );
});
