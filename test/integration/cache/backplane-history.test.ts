import assert from "node:assert/strict";
import { suite, test } from "node:test";
import type { Entry } from "../../../src/cache/entry.ts";
import { createRedisTier } from "../../../src/cache/tiers/redis.ts";
import { createFrameCodec } from "../../../src/cache/tiers/seal.ts";
import { createHexSource, systemClock } from "../../../src/core/clock.ts";
import { linkTo, linkUp } from "../../support/redis-link.ts";
import { redisMissing, startRedis } from "../../support/redis.ts";
import { entryOf } from "../../support/tier-suite.ts";
import { until } from "../../support/wait.ts";
import { openInstance } from "./backplane-rig.ts";

/** One call on a register, with when it began and ended by one clock. */
interface Call {
  readonly kind: "write" | "read";
  readonly fence: number;
  readonly began: number;
  readonly ended: number;
}

/**
 * Whether the history of one register that keeps the highest fence is linearizable: what a call ends with binds each
 * call that begins after it, writes with their own fence and reads with what they saw.
 */
function violations(history: readonly Call[]): string[] {
  const found: string[] = [];
  const writes = history.filter(({ kind }) => kind === "write");
  for (const read of history.filter(({ kind }) => kind === "read")) {
    const least = Math.max(0, ...history.filter(({ ended }) => ended < read.began).map(({ fence }) => fence));
    if (read.fence < least) found.push(`read ${read.fence} after ${least}`);
    const known = read.fence === 0 || writes.some(({ fence, began }) => fence === read.fence && began < read.ended);
    if (!known) found.push(`read ${read.fence}, which nobody had begun to write`);
  }
  return found;
}

suite("what several instances do at once", { skip: redisMissing }, () => {
  test("the history of 8 writers and 4 readers of one key is linearizable: an older write never overwrites a newer one", async (t) => {
    await using server = await startRedis();
    await using stack = new AsyncDisposableStack();
    const codec = createFrameCodec({ secrets: ["0123456789abcdef"], rejected: (reason) => void assert.fail(reason) });
    const open = async () => {
      const { link } = stack.use(linkTo({ url: server.url }, 2000));
      await linkUp(link);
      const unique = createHexSource(8);
      const parts = { clock: systemClock, codec, reading: link, writing: link, prefix: "h", longest: 1e6, unique };
      return createRedisTier(parts);
    };
    const tiers = await Promise.all(Array.from({ length: 12 }, open));
    const history: Call[] = [];
    let fences = 0;
    const recorded = async (kind: Call["kind"], act: () => Promise<number>): Promise<void> => {
      const began = performance.now();
      const fence = await act();
      history.push({ kind, fence, began, ended: performance.now() });
    };
    const write = (at: number) =>
      recorded("write", async () => {
        const fence = ++fences;
        // Some are slow between their fence and their write.
        if (fence % 3 === 0) await new Promise((resolve) => setImmediate(resolve));
        await tiers[at]!.set("k", { ...entryOf(`${fence}`), fence });
        return fence;
      });
    const read = (at: number) =>
      recorded("read", async () => {
        const found = await tiers[at]!.get("k", () => "");
        if (found) assert.equal(String(found.body), `${found.fence}`);
        return found?.fence ?? 0;
      });
    await Promise.all(
      tiers.map(async (_, at) => {
        for (let i = 0; i < 60; i++) await (at < 8 ? write(at) : read(at));
      }),
    );
    t.diagnostic(`${history.length} calls, ${new Set(history.map(({ fence }) => fence)).size} fences`);
    assert.deepEqual(violations(history), []);
    assert.equal((await tiers[0]!.get("k", () => ""))!.fence, fences);
    const backwards: Call[] = [
      { kind: "write", fence: 2, began: 0, ended: 1 },
      { kind: "read", fence: 1, began: 2, ended: 3 },
    ];
    assert.equal(violations(backwards).length, 2, "the check finds what it is for");
  });

  test("Redis remembers 100,000 to 200,000 last purges, whatever is purged; older ones count as unknown", async (t) => {
    await using server = await startRedis();
    await using one = await openInstance({ url: server.url });
    const { backplane } = one;
    const old = one.load("old");
    for (let round = 0; round < 7; round++) {
      const targets = Array.from({ length: 40_000 }, (_, i) => ({ kind: "tag", tag: `r${round}-${i}` }) as const);
      await backplane.purge({ targets, soft: false });
      // The call does not wait for a busy machine, and more than 50,000 that wait would become a purge of everything.
      await until(() => backplane.status().waiting === 0 && backplane.status().state === "in-step", {
        timeoutMs: 60_000,
        what: "the log has all",
      });
    }
    const length = async (name: string) => Number(await server.cli("hlen", `{spillway:purges}:${name}`));
    await until(async () => (await length("marks")) + (await length("older-marks")) >= 100_000, {
      what: "what is under way has come",
    });
    const young = one.load("young");
    const marks = [await length("marks"), await length("older-marks")];
    t.diagnostic(
      `${marks.join(" + ")} marks, ${/used_memory_human:(\S+)/.exec(await server.cli("info", "memory"))?.[1]}`,
    );
    assert.ok(
      marks.every((count) => count <= 110_001),
      marks.join(),
    );
    await using late = await openInstance({ url: server.url });
    const here = (entry: Entry): number => late.ledger.positionHere(entry);
    assert.equal((await late.backplane.settle({ ...old, position: here(old) })).standing, "unconfirmed");
    assert.equal((await late.backplane.settle({ ...young, position: here(young) })).standing, "current");
  });
});
