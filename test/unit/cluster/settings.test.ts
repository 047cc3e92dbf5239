import assert from "node:assert/strict";
import { test } from "node:test";
import { redisNode, redisSettings } from "../../../src/cluster/settings.ts";

const refusals = (input: object): string[] =>
  (redisSettings.safeParse(input).error?.issues ?? []).map(({ path, message }) => `${path.join(".")}: ${message}`);

test("one server, a cluster, or sentinels; exactly one of them", () => {
  const sentinels = { hosts: ["redis://10.0.0.1:26379"], name: "mymaster" };
  for (const input of [{ url: "redis://127.0.0.1" }, { cluster: ["redis://a:1", "redis://b:2"] }, { sentinels }]) {
    assert.deepEqual(redisSettings.parse(input), { prefix: "spillway", deadline: 20, connectTimeout: 500, ...input });
  }
  assert.deepEqual(refusals({}), [": expected exactly one of url, cluster and sentinels: none is there"]);
  assert.deepEqual(refusals({ url: "redis://a", sentinels }), [
    ": expected exactly one of url, cluster and sentinels: 2 are there",
  ]);
});

test("what is no address is refused, without telling a password", () => {
  for (const url of ["127.0.0.1:6379", "http://:hunter2@a", "redis://:hunter2@a/zero", "redis://a?x=1", "redis://"]) {
    const [refusal] = refusals({ url });
    assert.match(refusal!, /^url: expected an address such as/, url);
    assert.doesNotMatch(refusal!, /hunter2/);
  }
  assert.match(refusals({ cluster: ["redis://a/1"] })[0]!, /^cluster\.0: .*without a database number/);
  assert.match(refusals({ cluster: ["redis://a", "rediss://b"] })[0]!, /^cluster: either all redis:\/\/ or all rediss/);
  assert.match(refusals({ url: "redis://a", prefix: "{a}" })[0]!, /^prefix: /);
  assert.match(refusals({ url: "redis://a", ca: "ca.pem" })[0]!, /^ca: has no effect without TLS/);
  assert.deepEqual(refusals({ url: "rediss://a", ca: "ca.pem" }), []);
});

test("an address is taken apart", () => {
  assert.deepEqual(redisNode("rediss://al%40:p%3A@[::1]:7000/3"), {
    host: "::1",
    port: 7000,
    tls: true,
    username: "al@",
    password: "p:",
    db: 3,
  });
  assert.deepEqual(redisNode("redis://cache.example", 26_379), {
    host: "cache.example",
    port: 26_379,
    tls: false,
    username: undefined,
    password: undefined,
    db: 0,
  });
});
