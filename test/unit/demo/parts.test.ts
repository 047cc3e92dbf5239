import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { matches } from "../../../src/demo/answer.ts";
import { Carts } from "../../../src/demo/carts.ts";
import { loopbackUrl } from "../../../src/demo/load.ts";
import { nextId } from "../../../src/demo/streams.ts";
import { nextGapMs, planRequest } from "../../../src/demo/traffic.ts";

suite("demo carts", () => {
  test("lines add up by product and customer, up to 99", () => {
    const carts = new Carts();
    carts.add("a", '{"product":7}');
    carts.add("a", '{"product":7,"quantity":2}');
    carts.add("b", '{"product":8,"quantity":90}');
    carts.add("b", '{"product":8,"quantity":90}');
    assert.deepEqual(carts.linesOf("a"), [{ product: 7, quantity: 3 }]);
    assert.deepEqual(carts.linesOf("b"), [{ product: 8, quantity: 99 }]);
    assert.deepEqual(carts.linesOf("c"), []);
  });

  test("what is no line is refused with the form it should have", () => {
    const carts = new Carts();
    const bad = [
      "",
      "[]",
      "null",
      "7",
      '{"product":0}',
      '{"product":"7"}',
      '{"product":7,"quantity":0}',
      '{"product":7,"quantity":1.5}',
    ];
    for (const json of bad) {
      const added = carts.add("a", json);
      assert.equal(added.kind, "refused", json);
    }
    assert.deepEqual(carts.linesOf("a"), []);
  });

  test("a thousand carts at most: the first one goes", () => {
    const carts = new Carts();
    for (let i = 0; i <= 1000; i++) carts.add(`customer ${i}`, '{"product":7}');
    assert.deepEqual(carts.linesOf("customer 0"), []);
    assert.equal(carts.linesOf("customer 1").length, 1);
    assert.equal(carts.linesOf("customer 1000").length, 1);
  });
});

suite("demo answers", () => {
  test("If-None-Match compares weakly, in lists, with a star", () => {
    assert.ok(matches('"a"', '"a"'));
    assert.ok(matches('"x", W/"a"', '"a"'));
    assert.ok(matches("*", '"a"'));
    assert.ok(!matches(undefined, '"a"'));
    assert.ok(!matches('"b"', '"a"'));
    assert.ok(!matches("a", '"a"'));
  });

  test("an event stream goes on after the id the client names", () => {
    assert.equal(nextId(undefined), 1);
    assert.equal(nextId("41"), 42);
    assert.equal(nextId("x"), 1);
    assert.equal(nextId("-1"), 1);
  });
});

suite("demo traffic", () => {
  test("the mix covers its kinds, and the same numbers give the same request", () => {
    const paths = new Set<string>();
    for (let i = 0; i < 1000; i++) {
      const planned = planRequest(() => i / 1000);
      assert.deepEqual(
        planRequest(() => i / 1000),
        planned,
      );
      paths.add(planned.path.replace(/\/\d+$|\?.*/, ""));
    }
    const all = ["cart", "echo", "events", "flaky", "me", "products", "report", "search", "slow"];
    assert.deepEqual(
      [...paths].sort(),
      all.map((name) => `/api/${name}`),
    );
  });

  test("ids stay in the catalog at both ends of the random source", () => {
    for (const edge of [0, 1 - Number.EPSILON]) {
      const draws = [0.3, edge, edge];
      const { path } = planRequest(() => draws.shift() ?? edge);
      assert.match(path, edge === 0 ? /^\/api\/products\/1$/ : /^\/api\/products\/240$/);
    }
  });

  test("gaps are never negative or endless and have the mean of the rate", () => {
    const rolls = Array.from({ length: 1000 }, (_, i) => (i + 0.5) / 1000);
    const gaps = rolls.map((roll) => nextGapMs(20, () => roll));
    assert.ok(gaps.every((gap) => gap >= 0 && Number.isFinite(gap)));
    const mean = gaps.reduce((sum, gap) => sum + gap, 0) / gaps.length;
    assert.ok(Math.abs(mean - 50) < 1, `${mean}`);
  });

  test("only http on this machine is loaded", () => {
    for (const url of ["http://127.0.0.1:8080", "http://localhost:1/x", "http://127.9.9.9", "http://[::1]:80"])
      loopbackUrl(url);
    for (const url of [
      "http://example.com",
      "https://127.0.0.1",
      "http://127.0.0.1.example.com",
      "http://10.0.0.1",
      "x",
      "",
    ]) {
      assert.throws(() => loopbackUrl(url), { name: "UsageError" });
    }
    assert.equal(loopbackUrl("http://localhost:1/x?y"), "http://localhost:1");
  });
});
