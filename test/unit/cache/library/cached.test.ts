import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { openLibrary } from "../../../support/library-rig.ts";
import { cached, invalidates } from "../../../../src/cache/library/cached.ts";
import { cached as cachedAlone } from "../../../../src/library.ts";

interface User {
  readonly id: number;
  readonly since: Date;
}

suite("cached functions", () => {
  test("have the type and the answers of the function, which is called once for the same arguments", async () => {
    await using rig = openLibrary();
    let calls = 0;
    async function findUser(id: number, options?: { deep: boolean }): Promise<User> {
      calls++;
      return { id, since: new Date(options?.deep ? 1 : 0) };
    }
    const find: (id: number, options?: { deep: boolean }) => Promise<User> = cached(findUser, { cache: rig.cache });
    assert.equal(find.name, "findUser");
    for (let i = 0; i < 3; i++) {
      assert.deepEqual(await find(1), await findUser(1));
      assert.deepEqual(await find(1, { deep: true }), await findUser(1, { deep: true }));
      assert.deepEqual(await find(2), await findUser(2));
    }
    assert.equal(calls, 9 + 3);
  });

  test("arguments that differ in any way are other calls", async () => {
    await using rig = openLibrary();
    const seen: unknown[] = [];
    async function echo(...args: unknown[]): Promise<number> {
      return seen.push(args);
    }
    const kept = cached(echo, { cache: rig.cache });
    const calls: unknown[][] = [
      [],
      [undefined],
      [null],
      ["null"],
      [0],
      [-0],
      ["0"],
      [0n],
      [[0]],
      ["a", "b"],
      ['a","b'],
      [["a", "b"]],
      [new Date(0)],
      [new Map([["a", 1]])],
      [{ a: 1 }],
      [Buffer.from("a")],
      ["x".repeat(500)],
      ["x".repeat(501)],
    ];
    for (const args of calls) await kept(...args);
    for (const args of calls) await kept(...args);
    assert.equal(seen.length, calls.length);
  });

  test("errors go to all who waited and are not kept", async () => {
    await using rig = openLibrary();
    let calls = 0;
    async function fail(): Promise<never> {
      calls++;
      throw new RangeError("no");
    }
    const kept = cached(fail, { cache: rig.cache });
    const both = await Promise.allSettled([kept(), kept()]);
    assert.deepEqual(
      both.map((one) => one.status === "rejected" && one.reason instanceof RangeError),
      [true, true],
    );
    assert.equal(calls, 1);
    await assert.rejects(kept(), RangeError);
    assert.equal(calls, 2);
  });

  test("a function without a name needs one, and arguments that make no key are refused with the remedy", async () => {
    await using rig = openLibrary();
    const { cache } = rig;
    assert.throws(() => cached(async () => 1, { cache }), /needs one, or a key/);
    const named = cached(async (call: () => number) => call(), { cache, name: "n" });
    await assert.rejects(
      named(() => 1),
      /the arguments of n make no key, give one as \{ key \}: .*\[0\].*a function/,
    );
    const keyed = cached(async (call: () => number) => call(), { cache, key: () => "k" });
    assert.equal(await keyed(() => 7), 7);
    assert.equal(await keyed(() => 8), 7);
  });

  test("keeps `this`, and the policy holds for each answer", async () => {
    await using rig = openLibrary();
    const { cache, clock } = rig;
    const house = {
      rent: 5,
      price: cached(
        async function price(this: { rent: number }, months: number): Promise<number> {
          return this.rent * months;
        },
        { cache, ttl: "1s", tags: ["rent"] },
      ),
    };
    assert.equal(await house.price(2), 10);
    house.rent = 6;
    assert.equal(await house.price(2), 10);
    await cache.purge({ tags: ["rent"] });
    assert.equal(await house.price(2), 12);
    house.rent = 7;
    clock.advance(1000);
    assert.equal(await house.price(2), 14);
  });

  test("without a cache the answers are kept apart from those of all others", async () => {
    let calls = 0;
    const make = () =>
      cachedAlone(async function same(): Promise<number> {
        return ++calls;
      });
    const [one, other] = [make(), make()];
    assert.deepEqual([await one(), await one(), await other(), await other()], [1, 1, 2, 2]);
  });
});

suite("functions that invalidate", () => {
  test("purge their tags and keys when they have succeeded, and give their own result", async () => {
    await using rig = openLibrary();
    const { cache } = rig;
    const fill = async (): Promise<void> => {
      await cache.set("a", 1, { tags: ["users"] });
      await cache.set("user:7", 1);
      await cache.set("b", 1);
    };
    const save = invalidates(async (id: number) => ({ saved: id }), {
      cache,
      tags: ["users"],
      keys: ({ saved }, id) => [`user:${saved}`, `never:${id}`],
    });
    await fill();
    assert.deepEqual(await save(7), { saved: 7 });
    assert.deepEqual([...(await cache.getMany(["a", "user:7", "b"])).keys()], ["b"]);
  });

  test("purge nothing when they fail", async () => {
    await using rig = openLibrary();
    const { cache } = rig;
    await cache.set("a", 1, { tags: ["users"] });
    const save = invalidates(() => Promise.reject(new Error("not saved")), { cache, tags: ["users"] });
    await assert.rejects(save(), /not saved/);
    assert.equal(await cache.get("a"), 1);
  });
});
