import assert from "node:assert/strict";
import { suite, test } from "node:test";
import type { Entry } from "../../src/cache/entry.ts";
import { readingOf } from "../../src/cache/rules/usability.ts";
import { deleteMany, getMany, setMany } from "../../src/cache/tiers/batch.ts";
import { MOST_VARIANTS, type Tier, type VariantOf } from "../../src/cache/tiers/tier.ts";

/** An entry of `body`, variant "" unless told. */
export function entryOf(body: string, facts: { variant?: string; vary?: string; headers?: string[] } = {}): Entry {
  const { variant = "", vary = "", headers = ["Content-Type", "text/plain"] } = facts;
  const head = { status: 200, headers, initialAge: 1, receivedAt: 2 };
  return {
    head,
    reading: readingOf(head),
    vary,
    variant,
    body: Buffer.from(body),
    url: "http://shop.example/",
    tags: ["route:all"],
    position: 7,
    origin: 0,
    fence: 0,
    buildMs: 12,
    keepUntil: Date.now() + 3_600_000,
  };
}

const any = (): string => "";
const variant =
  (wanted: string): VariantOf =>
  () =>
    wanted;

export interface TierTraits {
  /** Why the suite cannot run here. */
  readonly skip?: string | false;
  /** Resolves when all that was put in has settled and room was made. Default: each `set` does all of it. */
  readonly settled?: (tier: Tier) => Promise<void>;
  /** Whether it is the tier that keeps its size, or the server behind it. Default: the tier. */
  readonly bound?: "tier" | "server";
}

/** What every tier must do. `open` makes an empty one with room for about `bytes`. */
export function tierSuite(name: string, open: (bytes: number) => Tier | Promise<Tier>, traits: TierTraits = {}): void {
  const { skip = false, settled = async () => {}, bound = "tier" } = traits;
  suite(`the ${name} tier`, { skip }, () => {
    const opened = async (bytes = 1024 * 1024): Promise<Tier & AsyncDisposable> => {
      const tier = await open(bytes);
      return Object.assign(tier, { [Symbol.asyncDispose]: async () => tier.close() });
    };

    test("gives back what was put in, and nothing for another key", async () => {
      await using tier = await opened();
      const entry = entryOf("one", { headers: ["ETag", '"1"', "X-A", "\u00e9"] });
      await tier.set("a", entry);
      assert.deepEqual(await tier.get("a", any), entry);
      assert.equal(await tier.get("b", any), undefined);
      assert.equal(await tier.get("a", () => undefined), undefined);
    });

    test("puts a newer entry in place of the same variant", async () => {
      await using tier = await opened();
      await tier.set("a", entryOf("old"));
      await tier.set("a", entryOf("new"));
      assert.equal(String((await tier.get("a", any))!.body), "new");
    });

    test("an older writer does not put its entry in place of a newer one's", async () => {
      await using tier = await opened();
      await tier.set("a", { ...entryOf("newer"), fence: 8 });
      await tier.set("a", { ...entryOf("older"), fence: 7 });
      assert.equal(String((await tier.get("a", any))!.body), "newer");
      await tier.set("a", { ...entryOf("same"), fence: 8 });
      assert.equal(String((await tier.get("a", any))!.body), "same");
    });

    test("keeps variants beside each other and drops the least recently used beyond the most", async () => {
      await using tier = await opened();
      for (let i = 0; i < MOST_VARIANTS; i++) await tier.set("a", entryOf(`${i}`, { variant: `v${i}`, vary: "x" }));
      assert.equal(String((await tier.get("a", variant("v0")))?.body), "0");
      await tier.set("a", entryOf("more", { variant: "more", vary: "x" }));
      assert.equal(await tier.get("a", variant("v1")), undefined);
      for (const kept of ["v0", "v2", `v${MOST_VARIANTS - 1}`, "more"]) {
        assert.equal((await tier.get("a", variant(kept)))?.variant, kept);
      }
    });

    test("delete takes all variants of one key, clear takes all", async () => {
      await using tier = await opened();
      await tier.set("a", entryOf("1"));
      await tier.set("a", entryOf("2", { variant: "2", vary: "x" }));
      await tier.set("b", entryOf("3"));
      await tier.set("c", entryOf("4"));
      await tier.delete("a");
      await tier.delete("never");
      assert.equal(await tier.get("a", any), undefined);
      assert.equal(String((await tier.get("b", any))?.body), "3");
      await tier.clear();
      assert.equal(await tier.get("b", any), undefined);
      assert.equal(await tier.get("c", any), undefined);
    });

    test("many at once are as each by itself", async () => {
      await using tier = await opened();
      await tier.set("old", entryOf("old"));
      await setMany(tier, [
        ["a", entryOf("1", { headers: ["ETag", '"1"'] })],
        ["b", entryOf("2")],
        ["old", entryOf("new")],
        ["b", entryOf("3")],
        ["gone", { ...entryOf("4"), keepUntil: 1 }],
      ]);
      const found = await getMany(tier, ["a", "never", "b", "old", "gone", "a"]);
      const bodies = found.map((entry) => entry && String(entry.body));
      assert.deepEqual(bodies, ["1", undefined, "3", "new", undefined, "1"]);
      assert.deepEqual(found[0], { ...entryOf("1", { headers: ["ETag", '"1"'] }), keepUntil: found[0]!.keepUntil });
      await deleteMany(tier, ["a", "never", "b"]);
      assert.deepEqual(await getMany(tier, ["a", "b"]), [undefined, undefined]);
      assert.ok(await tier.get("old", any));
    });

    const unbounded = bound === "server" && "the server behind it keeps its size";
    test("makes room for what is new with what is worth least", { skip: unbounded }, async () => {
      await using tier = await opened(20_000);
      const body = "x".repeat(4000);
      await tier.set("a", { ...entryOf(body), keepUntil: Date.now() + 7_200_000 });
      for (const key of ["b", "c"]) await tier.set(key, entryOf(body));
      for (let i = 0; i < 3; i++) await tier.get("a", any);
      for (const key of ["d", "e"]) await tier.set(key, entryOf(body));
      await settled(tier);
      assert.ok(await tier.get("a", any), "a is used most, was used last and lasts longest");
      assert.ok(await tier.get("e", any), "what came last is there");
      const others = await Promise.all(["b", "c", "d"].map(async (key) => tier.get(key, any)));
      assert.ok(others.includes(undefined));
    });

    test("refuses what can never fit, and what it stands in place of goes", { skip: unbounded }, async () => {
      await using tier = await opened(20_000);
      for (const key of ["a", "e"]) await tier.set(key, entryOf("x".repeat(4000)));
      await tier.set("e", entryOf("x".repeat(30_000)));
      await settled(tier);
      assert.equal(await tier.get("e", any), undefined, "neither the one too large nor the one before it");
      assert.ok(await tier.get("a", any), "nothing else made room for it");
    });

    test("keeps nothing that has ended", async () => {
      await using tier = await opened();
      await tier.set("a", { ...entryOf("ended"), keepUntil: Date.now() - 1 });
      assert.equal(await tier.get("a", any), undefined);
    });
  });
}
