import assert from "node:assert/strict";
import { suite, test } from "node:test";
import * as fc from "fast-check";
import { Addresses, keepRenewing } from "../../../../src/dependency/balance/addresses.ts";
import { keepChecking, Verdict } from "../../../../src/dependency/balance/health.ts";
import { keyOf } from "../../../../src/dependency/balance/key.ts";
import { healthSettings, type HealthSettings } from "../../../../src/dependency/balance/settings.ts";
import type { Exchange } from "../../../../src/core/exchange.ts";
import { ManualClock } from "../../../support/manual-clock.ts";

const turns = async (): Promise<void> => {
  for (let i = 0; i < 10; i++) await Promise.resolve();
};

suite("active checks", () => {
  test("as many bad ones in a row take out, as many good ones in a row bring back, and one between starts anew", () => {
    const verdict = new Verdict({ healthy: 2, unhealthy: 3 });
    const heard = Array.from("++--+---+-++-", (sign) => (verdict.heard(sign === "+") ? "y" : "n")).join("");
    assert.equal(heard, "yyyyyyynnnnyy");
  });

  test("whatever is heard, a verdict changes only after as many of the other kind in a row", () => {
    fc.assert(
      fc.property(
        fc.array(fc.boolean()),
        fc.integer({ min: 1, max: 5 }),
        fc.integer({ min: 1, max: 5 }),
        (all, healthy, unhealthy) => {
          const verdict = new Verdict({ healthy, unhealthy });
          let is = true;
          for (const [i, good] of all.entries()) {
            const needs = good ? healthy : unhealthy;
            const run = all.slice(Math.max(0, i + 1 - needs), i + 1);
            if (run.length === needs && run.every((one) => one === good)) is = good;
            assert.equal(verdict.heard(good), is);
          }
        },
      ),
    );
  });

  test("go on one at a time, give or take a tenth of the interval, until they are ended", async () => {
    const clock = new ManualClock();
    const settings = healthSettings.parse({ path: "/healthz", interval: "10s" }) as HealthSettings;
    const answers: ((good: boolean) => void)[] = [];
    const heard: boolean[] = [];
    const end = keepChecking({
      clock,
      random: () => 0.5,
      settings,
      check: () => new Promise((resolve) => answers.push(resolve)),
      heard: (healthy) => heard.push(healthy),
    });
    clock.advance(500);
    assert.equal(answers.length, 1);
    clock.advance(60_000);
    assert.equal(answers.length, 1, "the first is not over");
    for (let i = 0; i < 3; i++) {
      answers.at(-1)!(false);
      await turns();
      clock.advance(9_999);
      assert.equal(answers.length, i + 1);
      clock.advance(1);
      assert.equal(answers.length, i + 2);
    }
    assert.deepEqual(heard, [true, true, false]);
    end();
    answers.at(-1)!(false);
    await turns();
    clock.advance(60_000);
    assert.deepEqual([answers.length, heard.length], [4, 3]);
  });
});

suite("names of targets", () => {
  const v4 = (address: string) => ({ address, family: 4 });
  const looked = (addresses: Addresses, options: object): Promise<unknown> =>
    new Promise((resolve) => addresses.lookup("name", options, (error, found) => resolve(error?.message ?? found)));

  test("each new connection begins with another address; none of a family is said so", async () => {
    const addresses = new Addresses("name", async () => [v4("10.0.0.1"), v4("10.0.0.2")]);
    assert.equal(await looked(addresses, { family: 0 }), "10.0.0.1");
    assert.equal(await looked(addresses, { family: 4 }), "10.0.0.2");
    assert.deepEqual(await looked(addresses, { all: true }), [v4("10.0.0.1"), v4("10.0.0.2")]);
    assert.match(String(await looked(addresses, { family: 6 })), /no address of family 6/);
  });

  test("one that cannot be resolved fails until it could once, and keeps that then", async () => {
    const answers: (readonly ReturnType<typeof v4>[] | Error)[] = [
      new Error("gone"),
      [v4("10.0.0.1")],
      new Error("gone"),
      [],
    ];
    const addresses = new Addresses("name", async () => {
      const next = answers.shift()!;
      if (next instanceof Error) throw next;
      return next;
    });
    const seen: unknown[] = [];
    for (let i = 0; i < 4; i++) seen.push(await looked(addresses, {}));
    assert.deepEqual(seen, ["gone", "10.0.0.1", "10.0.0.1", "10.0.0.1"]);
  });

  test("are looked up every so often until that is ended; a failure moves nothing", async () => {
    const clock = new ManualClock();
    let found: readonly ReturnType<typeof v4>[] | undefined = [v4("10.0.0.1")];
    let asked = 0;
    const addresses = new Addresses("name", async () => {
      asked++;
      if (!found) throw new Error("gone");
      return found;
    });
    const told: string[] = [];
    const end = keepRenewing({
      clock,
      random: () => 0.5,
      every: 30_000,
      addresses,
      moved: (known) => told.push([...known].join()),
    });
    for (const next of [[v4("10.0.0.2"), v4("10.0.0.3")], undefined, undefined]) {
      clock.advance(30_000);
      await turns();
      found = next;
    }
    assert.deepEqual(told, ["10.0.0.1", "10.0.0.2,10.0.0.3", "10.0.0.2,10.0.0.3"]);
    end();
    clock.advance(90_000);
    assert.equal(asked, 3);
  });
});

test("the key of a request: its client, a field or a cookie; undefined where it has none", () => {
  const exchange = {
    client: { address: "192.0.2.7" },
    headers: ["X-Tenant", "blue", "Cookie", "a=1; session = s1; session=s2", "X-Empty", ""],
  } as unknown as Exchange;
  assert.equal(keyOf({ hash: "client" })(exchange), "192.0.2.7");
  assert.equal(keyOf({ hash: { header: "x-tenant" } })(exchange), "blue");
  assert.equal(keyOf({ hash: { header: "X-Empty" } })(exchange), undefined);
  assert.equal(keyOf({ hash: { cookie: "session" } })(exchange), "s1");
  assert.equal(keyOf({ hash: { cookie: "other" } })(exchange), undefined);
  assert.equal(keyOf("least-loaded")(exchange), undefined);
});
