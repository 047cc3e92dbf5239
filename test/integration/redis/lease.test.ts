import assert from "node:assert/strict";
import { after, before, suite, test } from "node:test";
import { Leases, type Acquired, type Lease, type LeaseWish } from "../../../src/cache/flight/lease.ts";
import { systemClock } from "../../../src/core/clock.ts";
import { createEventBus } from "../../../src/core/events.ts";
import { fairClock } from "../../support/fair-clock.ts";
import { linkTo, linkUp, type Linked } from "../../support/redis-link.ts";
import { redisMissing, startRedis, type RedisServer } from "../../support/redis.ts";
import { until } from "../../support/wait.ts";

let server: RedisServer;
let linked: Linked;
before(async () => {
  if (redisMissing) return;
  server = await startRedis();
  linked = linkTo({ url: server.url }, 1000);
  await linkUp(linked.link);
});
after(async () => {
  await linked?.[Symbol.asyncDispose]();
  await server?.[Symbol.asyncDispose]();
});

let made = 0;
const open = (through = linked): Leases =>
  new Leases({
    link: through.link,
    clock: systemClock,
    random: () => 0.5,
    bus: createEventBus("leases"),
    prefix: "spillway",
    unique: () => `owner-${made++}`,
  });
const wish = (name: string, more: Partial<LeaseWish> = {}): LeaseWish => ({
  name,
  ttl: 60_000,
  heedsQuiet: false,
  over: undefined,
  known: 0,
  ...more,
});

function won(reply: Acquired | undefined): Lease {
  assert.equal(reply?.kind, "won", JSON.stringify(reply));
  return reply;
}
const settled = async (
  name: string,
  kind: string | undefined,
  more: Partial<LeaseWish> = {},
): Promise<Acquired | undefined> => {
  let reply: Acquired | undefined;
  await until(
    async () => {
      reply = await open().acquire(wish(name, more));
      return reply?.kind === kind;
    },
    { what: () => `${kind} instead of ${JSON.stringify(reply)}` },
  );
  return reply;
};

suite("leases in Redis", { skip: redisMissing }, () => {
  test("of a hundred who want one at the same time one gets it, and the others are told for how long", async () => {
    const startedAt = performance.now();
    const replies = await Promise.all(Array.from({ length: 100 }, () => open().acquire(wish("herd"))));
    const took = performance.now() - startedAt;
    const winners = replies.filter((reply) => reply?.kind === "won");
    assert.equal(winners.length, 1);
    for (const reply of replies) {
      if (reply?.kind !== "lost") continue;
      assert.ok(reply.forMs > 59_000 - took && reply.forMs <= 60_000);
      assert.equal(reply.fence, won(winners[0]).fence);
    }
    assert.equal(replies.filter((reply) => reply?.kind === "lost").length, 99);
  });

  test("fences grow with each lease, above what is kept, and do not begin anew when Redis has forgotten them", async () => {
    const first = won(await open().acquire(wish("fence", { ttl: 1 })));
    const second = won(await settled("fence", "won"));
    assert.ok(second.fence > first.fence);
    await server.cli("flushall");
    const third = won(await open().acquire(wish("fence")));
    assert.ok(third.fence > second.fence, "the clock goes on");
    await server.cli("flushall");
    const above = third.fence + 10_000_000_000;
    assert.equal(won(await open().acquire(wish("fence", { known: above }))).fence, above + 1);
  });

  test("one of those who waited in vain takes a lease over, and its former owner ends nothing any more", async () => {
    const first = won(await open().acquire(wish("over")));
    const replies = await Promise.all(
      Array.from({ length: 5 }, () => open().acquire(wish("over", { over: first.fence }))),
    );
    assert.equal(replies.filter((reply) => reply?.kind === "won").length, 1);
    first.release("filled");
    first.release("failed");
    assert.equal((await open().acquire(wish("over")))?.kind, "lost");
  });

  test("a load that came to its end is told to all who know only what was before it", async () => {
    const lease = won(await open().acquire(wish("filled")));
    lease.release("filled");
    const reply = await settled("filled", "filled");
    assert.deepEqual(reply, { kind: "filled", fence: lease.fence });
    won(await open().acquire(wish("filled", { known: lease.fence })));
  });

  test("after a failure the dependency is left alone by all who can afford it, longer after each", async () => {
    for (const pause of [1000, 2000]) {
      const lease = won(await open().acquire(wish("failed")));
      const failedAt = performance.now();
      lease.release("failed");
      const reply = await settled("failed", "quiet", { heedsQuiet: true });
      const ago = performance.now() - failedAt;
      assert.ok(
        reply?.kind === "quiet" && reply.forMs > pause - 500 - ago && reply.forMs <= pause,
        JSON.stringify(reply),
      );
      assert.equal(await open().acquire(wish("failed")), undefined, "who has nothing else goes on alone");
      const names = (await server.cli("keys", "spillway:lease:*")).split("\n");
      for (const name of names) await server.cli("hdel", name, "quiet");
    }
  });

  test("what is for nobody else is loaded by each for itself", async () => {
    won(await open().acquire(wish("personal"))).release("unshared");
    assert.equal(await settled("personal", undefined), undefined);
  });

  test("a server that hangs costs one deadline, and nothing after that", async () => {
    await using hung = await startRedis();
    await using through = linkTo({ url: hung.url }, 20);
    await linkUp(through.link);
    const leases = open(through);
    hung.pause();
    const times: number[] = [];
    for (let i = 0; i < 20; i++) {
      const startedAt = fairClock.now();
      assert.equal(await leases.acquire(wish("hung")), undefined);
      times.push(fairClock.now() - startedAt);
    }
    assert.ok(times[0]! < 60, `${times[0]} ms`);
    assert.ok(Math.max(...times.slice(1)) < 10, times.join(" "));
    hung.resume();
    await until(async () => (await leases.acquire(wish("hung")))?.kind !== undefined, {
      what: "leases are had again",
    });
  });
});
