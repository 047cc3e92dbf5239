import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { suite, test } from "node:test";
import { systemClock } from "../../../src/core/clock.ts";
import type { CacheReading } from "../../../src/core/cache-control.ts";
import { connectRaw } from "../../support/raw-client.ts";
import { redisMissing, startRedis } from "../../support/redis.ts";
import { until } from "../../support/wait.ts";
import { startRig, type Behaviour, type Rig } from "./cache-rig.ts";

/** A clock that a test lets run ahead. */
function skipping() {
  let passed = 0;
  const clock = {
    ...systemClock,
    now: () => systemClock.now() + passed,
    wall: () => systemClock.wall() + passed,
  };
  return { clock, skip: (ms: number) => void (passed += ms) };
}

async function readingOf({ gateway }: Rig): Promise<CacheReading> {
  const answer = await gateway.gateway.cache.ask({ do: "read" });
  assert.equal(answer.did, "read");
  return answer.did === "read" ? answer.reading : assert.fail();
}

const NOTHING = { urls: [], tags: [], prefixes: [], patterns: [], all: false };
const HARD = { soft: false, cascade: false, dryRun: false, changed: false };

suite("what the cache counts", () => {
  test("C90: whatever becomes of a request, it is counted with one outcome: their sum is the requests, less those who left before an answer", async () => {
    const { clock, skip } = skipping();
    const cache = {
      ttl: "10s",
      staleWhileRevalidate: "10s",
      staleIfError: "20s",
      failSafe: "60s",
      refreshAhead: false,
    };
    let down = false;
    let hang = false;
    const behaviour: Behaviour = (request, response, call) => {
      if (hang) return;
      response.sendDate = false;
      response.writeHead(down ? 503 : 200, request.url === "/private" ? { "Cache-Control": "private" } : {});
      response.end(`${call}`);
    };
    await using rig = await startRig({ ...cache, fallback: { body: "ours" } }, behaviour, {}, clock);
    const asks: [string, string?, string?][] = [
      ["/a"],
      ["/a"],
      ["/a", "Range: bytes=0-0\r\n"],
      ["/a", "", "HEAD"],
      ["/other", "", "HEAD"],
      ["/part", "Range: bytes=0-0\r\n"],
      ["/a", 'If-None-Match: "x"\r\n'],
      ["/a", "If-Match: *\r\n"],
      ["/a", "Cache-Control: no-cache\r\n"],
      ["/never", "Cache-Control: only-if-cached\r\n"],
      ["/private"],
      ["/private"],
      ["/a", "Authorization: Bearer x\r\n"],
      ["/b", "", "OPTIONS"],
      ["/b", "Content-Length: 0\r\n", "POST"],
      ["/b", "Content-Length: 0\r\n", "QUERY"],
    ];
    for (const ask of asks) await rig.ask(...ask);
    await rig.herd(7, undefined, "/herd");
    skip(15_000);
    await rig.ask();
    await until(() => rig.calls() > 0, { what: "it is refreshed" });
    down = true;
    for (const path of ["/a", "/missing"]) await rig.ask(path);
    skip(45_000);
    assert.match((await rig.ask("/a")).cache, /fail-safe/);
    down = false;
    hang = true;
    {
      // A client that leaves while nothing has come yet, alone and in a flight.
      using one = await connectRaw(rig.gateway.port);
      using two = await connectRaw(rig.gateway.port);
      const calls = rig.calls();
      for (const client of [one, two]) await client.send("GET /hangs HTTP/1.1\r\nHost: shop.example\r\n\r\n");
      await until(() => rig.calls() > calls, { what: "it is asked for" });
    }
    const answered = asks.length + 7 + 1 + 2 + 1;
    await until(() => rig.gateway.ended.length === answered + 2, { what: () => `${rig.gateway.ended.length} ended` });
    const left = rig.gateway.ended.filter(
      ({ outcome }) => outcome.kind === "failed" && outcome.reason === "client-gone",
    );
    assert.equal(left.length, 2);
    const { routes, tiers } = await readingOf(rig);
    const { hits, stale, misses, bypasses, fallbacks } = routes[0]!;
    const outcomes = rig.gateway.ended.map(({ outcome }) => ("cache" in outcome ? outcome.cache?.result : undefined));
    assert.equal(hits + stale + misses + bypasses + fallbacks, answered, outcomes.join(" "));
    assert.deepEqual([tiers[0]!.hits, tiers[0]!.stale], [hits, stale]);
    for (const count of [hits, stale, misses, bypasses, fallbacks]) assert.ok(count > 0, outcomes.join(" "));
  });

  test("C58: each removal is told once, with one reason, whichever way it comes about", async () => {
    const { clock, skip } = skipping();
    const config = { cache: { memory: "1MiB", maxEntry: "1MiB", eviction: "lru" } };
    const cache = { ttl: "10s", tags: ["all"] };
    const behaviour: Behaviour = (_request, response) => {
      // Its clock does not run ahead with ours.
      response.sendDate = false;
      response.end("x".repeat(200_000));
    };
    await using rig = await startRig(cache, behaviour, config, clock);
    const control = rig.gateway.gateway.cache;
    const told: string[] = [];
    rig.gateway.gateway.bus.subscribe("spillway:cache-removed", ({ reason, count }) => {
      for (let i = 0; i < count; i++) told.push(reason);
    });
    const since = (): string[] => told.splice(0);

    await rig.ask("/a");
    await control.ask({ do: "purge", order: { ...NOTHING, ...HARD, tags: ["all"] }, share: true });
    await rig.herd(3, undefined, "/a");
    assert.deepEqual(since(), ["purged"]);

    await control.ask({ do: "purge", order: { ...NOTHING, ...HARD, patterns: ["/a*"] }, share: true });
    await rig.ask("/a");
    assert.deepEqual(since(), ["pattern"]);

    await rig.ask("/a", "Content-Length: 0\r\n", "POST");
    await rig.ask("/a");
    assert.deepEqual(since(), ["changed"]);

    skip(200_000);
    await rig.ask("/a");
    assert.deepEqual(since(), ["expired"]);

    for (let i = 0; i < 6; i++) await rig.ask(`/more/${i}`);
    assert.deepEqual(new Set(since()), new Set(["capacity"]));
    const { removed, tiers } = await readingOf(rig);
    const sum = Object.values(removed).reduce((all, count) => all + count, 0);
    // What came, less what went, is what is there.
    assert.equal(5 + 6 - sum, tiers[0]!.entries);
    assert.ok(removed.capacity! > 0);
  });
});

suite("bodies over the limit", () => {
  const octets = Buffer.alloc(10_000_000, "0123456789abcdef");
  const digest = createHash("sha256").update(octets).digest("hex");

  for (const announced of [true, false]) {
    test(
      `10 MB, ${announced ? "announced" : "chunked"}, pass whole to one and to several at once, and are kept nowhere`,
      { skip: redisMissing },
      async () => {
        await using server = await startRedis();
        const config = { redis: { url: server.url, deadline: "400ms" } };
        const behaviour: Behaviour = (request, response) => {
          if (request.url === "/small")
            return void response.writeHead(200, { "Cache-Control": "max-age=60" }).end("small");
          response.writeHead(200, {
            "Cache-Control": "max-age=60",
            ...(announced && { "Content-Length": octets.length }),
          });
          for (let at = 0; at < octets.length; at += 1_000_000) response.write(octets.subarray(at, at + 1_000_000));
          response.end();
        };
        await using rig = await startRig("origin", behaviour, config);
        let smalls = 0;
        await until(
          async () => {
            await rig.ask(`/small?${++smalls}`.replace("?", "?n="));
            return (await server.cli("keys", "spillway:cache:*")) !== "";
          },
          { what: "Redis is in use" },
        );
        const base = `http://127.0.0.1:${rig.gateway.port}`;
        const sums = await Promise.all(
          ["/large", "/large", "/large"].map(async (path) => {
            const answer = await fetch(base + path, { headers: { Connection: "close" } });
            const body = Buffer.from(await answer.arrayBuffer());
            assert.doesNotMatch(answer.headers.get("cache-status")!, /hit/);
            return createHash("sha256").update(body).digest("hex");
          }),
        );
        assert.deepEqual(sums, [digest, digest, digest]);
        const again = await fetch(`${base}/large`);
        assert.match(again.headers.get("cache-status")!, /^spillway; fwd=miss/);
        assert.equal((await again.arrayBuffer()).byteLength, octets.length);
        const { tiers } = await readingOf(rig);
        assert.ok(tiers[0]!.bytes! < 100_000, `${tiers[0]!.bytes}`);
        const memory = /used_memory_dataset:(\d+)/.exec(await server.cli("info", "memory"))![1];
        assert.ok(Number(memory) < 5_000_000, `${memory} octets`);
      },
    );
  }
});
