import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { cacheKey } from "../../../src/cache/key.ts";
import { storedHead } from "../../../src/cache/rules/age.ts";
import { updated } from "../../../src/cache/rules/conditional.ts";
import { judgeReuse } from "../../../src/cache/rules/reuse.ts";
import { judgeStore } from "../../../src/cache/rules/store.ts";
import { usability } from "../../../src/cache/rules/usability.ts";
import { varyKey } from "../../../src/cache/rules/vary.ts";
import type { CachePolicy, StoredHead } from "../../../src/cache/rules.ts";

const ORIGIN: CachePolicy = { by: "origin" };
const OPERATOR: CachePolicy = { by: "operator", ttl: 60_000, staleWhileRevalidate: 60_000, staleIfError: 60_000 };
const POLICIES = [ORIGIN, OPERATOR];
const T = Date.UTC(2026, 10, 20, 12);
const receipt = { requestedAt: T, receivedAt: T, wall: T };

const cc = (value: string): string[] => ["Cache-Control", value];
const kept = (headers: string[], status = 200): StoredHead => storedHead({ status, headers }, receipt);

function outcome(says: string[], policy = ORIGIN, asks: string[] = [], status = 200): string {
  const verdict = judgeStore({ method: "GET", headers: asks }, { status, headers: says }, policy);
  return verdict.store ? "stored" : verdict.reason;
}

suite("C1: an answer to a request with Authorization", () => {
  const asks = ["Authorization", "Bearer a"];
  const ROWS: [control: string, stored: boolean][] = [
    ["max-age=60", false],
    ["max-age=60, no-transform", false],
    ["max-age=60, proxy-revalidate", false],
    ["max-age=60, public", true],
    ["max-age=60, must-revalidate", true],
    ["s-maxage=60", true],
    ["public, private, max-age=60", false],
    ["s-maxage=60, no-store", false],
  ];
  for (const [control, stored] of ROWS) {
    test(`${control}: ${stored ? "for all" : "for none else"} (RFC 9111 3.5)`, () => {
      for (const policy of POLICIES) assert.equal(outcome(cc(control), policy, asks) === "stored", stored);
    });
  }
});

test("C2: of an answer to a request with cookies only public makes one for all", () => {
  for (const policy of POLICIES) {
    for (const control of ["max-age=60", "s-maxage=60", "max-age=60, must-revalidate"]) {
      assert.equal(outcome(cc(control), policy, ["Cookie", "id=1"]), "cookie");
    }
    assert.equal(outcome(cc("public, max-age=60"), policy, ["Cookie", "id=1"]), "stored");
  }
});

test("C3: an answer that sets a cookie is not stored, and a 304 brings none into what is", () => {
  for (const policy of POLICIES) {
    assert.equal(outcome([...cc("public, s-maxage=60"), "set-cookie", "id=1"], policy), "set-cookie");
  }
  const after = updated(kept(cc("max-age=60")), { status: 304, headers: ["Set-Cookie", "id=1", "X-A", "1"] }, receipt);
  assert.ok(after.headers.includes("X-A"));
  assert.ok(!after.headers.includes("Set-Cookie"));
});

suite("C4: a Cache-Control that can be read in two ways is read in the stricter one", () => {
  const ROWS: [says: string[], outcome: string][] = [
    [cc("max-age=60, Private"), "private"],
    [cc("PRIVATE,max-age=60"), "private"],
    [cc("max-age=60 , private"), "private"],
    [cc("max-age=60,\tprivate"), "private"],
    [cc("\tprivate\t,max-age=60"), "private"],
    [cc(",,private,,max-age=60,"), "private"],
    [[...cc("max-age=60"), ...cc("private")], "private"],
    [[...cc("private"), ...cc("public, max-age=60")], "private"],
    [["cache-control", "max-age=60", "CACHE-CONTROL", "no-store"], "no-store"],
    [cc('private="", max-age=60'), "private"],
    [cc('private=",", max-age=60'), "private"],
    [cc("private=, max-age=60"), "private"],
    [cc("no-store=1, max-age=60"), "no-store"],
    [cc('no-store="", max-age=60'), "no-store"],
    [cc("max-age=60; private"), "unreadable"],
    [cc("max-age=60 private"), "unreadable"],
    [cc("private max-age=60"), "private"],
    [cc("max-age = 60"), "unreadable"],
    [cc('max-age="60'), "unreadable"],
    [cc('ext="a, private", max-age=60'), "stored"],
    [cc('ext="a\\", private", max-age=60'), "stored"],
    [cc('ext="a", private, max-age=60'), "private"],
    [cc('ext="a, private'), "unreadable"],
    [cc('private="x y", max-age=60'), "unreadable"],
    [cc('no-cache="x;y", max-age=60'), "unreadable"],
    [cc("max-age=60\u000bprivate"), "unreadable"],
    [cc("max-age=60, \u00a0private"), "unreadable"],
    [cc('"max-age=60"'), "unreadable"],
  ];
  assert.equal(ROWS.length, 28);
  for (const [says, expected] of ROWS) {
    test(`${JSON.stringify(says.filter((_, i) => i % 2 === 1).join(" + "))}: ${expected}`, () => {
      assert.equal(outcome(says), expected);
      // An operator's ttl overrides nothing that is about privacy.
      assert.equal(outcome(says, OPERATOR), expected);
    });
  }

  test("of durations the shortest, and what is none is no time at all", () => {
    const lifetime = (says: string[]): number => usability(kept(says), ORIGIN, T).lifetime;
    assert.equal(lifetime(cc("max-age=60, max-age=5")), 5000);
    assert.equal(lifetime([...cc("max-age=5"), ...cc("max-age=60")]), 5000);
    for (const control of ["max-age=60, max-age=x", "max-age=-60", "max-age=1e3", "max-age=0x9"]) {
      assert.equal(lifetime(cc(control)), 0, control);
    }
  });

  test("fields that are qualified are left out, one by one", () => {
    const says = [
      ...cc('private="X-User, set-cookie", no-cache="x-b", max-age=60'),
      "x-user",
      "1",
      "X-B",
      "2",
      "X-C",
      "3",
    ];
    const verdict = judgeStore({ method: "GET", headers: [] }, { status: 200, headers: says }, ORIGIN);
    assert.ok(verdict.store);
    assert.deepEqual(verdict.headers.slice(2), ["X-C", "3"]);
  });
});

suite("C5: Vary", () => {
  test("an asterisk anywhere, on any line, is not stored", () => {
    for (const lines of [["*"], ["a, *"], ["*, a"], ["a", "*"], ["*", "a"], [" * "], ["a,*,b"]]) {
      assert.equal(outcome([...cc("max-age=60"), ...lines.flatMap((line) => ["Vary", line])]), "vary-star");
    }
  });

  test("what is no field name is not stored", () => {
    for (const line of ["a b", "a;b", '"a"', "a\u0000"]) {
      assert.equal(outcome([...cc("max-age=60"), "Vary", line]), "vary-star", line);
    }
  });

  test("an absent field, an empty one, and values that run into each other are told apart", () => {
    const requests = [
      [],
      ["A", ""],
      ["B", ""],
      ["A", "1"],
      ["B", "1"],
      ["A", "1:b", "B", "2"],
      ["A", "1", "B", "b2"],
      ["A", "-1:b-"],
      ["A", "1", "A", "2"],
    ];
    const keys = requests.map((headers) => varyKey("a, b", { method: "GET", headers }));
    assert.equal(new Set(keys).size, requests.length);
  });
});

test("C8: whether an answer is stored depends on its fields, not on what its path looks like", () => {
  const exchange = (path: string) => ({ scheme: "http" as const, authority: "a.example", path, query: "" });
  const paths = ["/me", "/me/x.css", "/me;x.css", "/me%2fx.css", "/me%00.css", "/me.css", "/me%3fx.css", "/me%23x.css"];
  assert.equal(new Set(paths.map((path) => cacheKey(exchange(path)))).size, paths.length);
  // The rule is asked without the path: nothing to deceive it with.
  for (const type of ["text/css", "image/png", "text/html"]) {
    assert.equal(outcome([...cc("private, max-age=60"), "Content-Type", type]), "private");
    assert.equal(outcome(["Content-Type", type], ORIGIN), "no-freshness");
  }
});

suite("C9: errors", () => {
  for (const status of [400, 413, 414, 429, 431]) {
    test(`${status} is never stored`, () => {
      for (const policy of POLICIES) assert.equal(outcome(cc("public, max-age=60"), policy, [], status), "status");
    });
  }
  for (const status of [403, 405, 500, 501, 502, 503, 504, 599]) {
    test(`${status} is stored with explicit freshness only, for 5 s at most and never stale`, () => {
      assert.equal(outcome(["Last-Modified", "Sun, 06 Nov 1994 08:49:37 GMT"], ORIGIN, [], status), "no-freshness");
      const says = cc("public, max-age=3600, stale-if-error=60, stale-while-revalidate=60");
      assert.equal(outcome(says, ORIGIN, [], status), "stored");
      for (const policy of POLICIES) {
        const use = usability(kept(says, status), policy, T);
        assert.deepEqual([use.lifetime, use.staleIfError, use.staleWhileRevalidate], [5000, 0, 0]);
      }
    });
  }
});

suite("C12: stale answers", () => {
  const STALE = T + 61_000;
  const asks = (headers: string[] = []) => ({ method: "GET", headers });

  test("never what must be revalidated, whatever the windows and whatever the client takes", () => {
    for (const word of ["must-revalidate", "proxy-revalidate", "no-cache", "s-maxage=60"]) {
      const head = kept(cc(`${word}, max-age=60, stale-if-error=999, stale-while-revalidate=999`));
      for (const headers of [[], cc("max-stale"), cc("max-stale=999"), cc("stale-if-error=999")]) {
        const verdict = judgeReuse(asks(headers), head, ORIGIN, STALE);
        assert.deepEqual(verdict, { use: "revalidate", onError: false }, `${word} ${headers.join()}`);
      }
    }
  });

  test("an operator's windows do not end must-revalidate either", () => {
    for (const word of ["must-revalidate", "proxy-revalidate"]) {
      const verdict = judgeReuse(asks(), kept(cc(`${word}, max-age=60`)), OPERATOR, STALE);
      assert.deepEqual(verdict, { use: "revalidate", onError: false });
    }
  });

  test("a 304 that says must-revalidate or private ends what was kept as it was", () => {
    const after = (control: string) =>
      updated(kept(cc("max-age=60, stale-if-error=60")), { status: 304, headers: cc(control) }, receipt);
    const verdict = judgeReuse(asks(), after("max-age=60, must-revalidate"), ORIGIN, STALE);
    assert.deepEqual(verdict, { use: "revalidate", onError: false });
    assert.equal(outcome(after("private").headers), "private");
  });
});
