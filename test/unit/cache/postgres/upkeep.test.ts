import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { setImmediate as nextTurn } from "node:timers/promises";
import { tableStatements } from "../../../../src/cache/postgres/table.ts";
import { Upkeep } from "../../../../src/cache/postgres/upkeep.ts";
import { ManualClock } from "../../../support/manual-clock.ts";

function setUp() {
  const clock = new ManualClock();
  const told: string[] = [];
  const state = { isUp: true, failure: undefined as string | undefined, statements: 0 };
  const upkeep = new Upkeep({
    clock,
    pool: {
      run: async (statement) => {
        state.statements++;
        if (state.failure !== undefined) throw new Error(state.failure);
        return statement.text.includes("pg_table_size") ? [[0]] : [];
      },
    },
    statements: tableStatements("t"),
    maxBytes: 1024,
    before: async () => {},
    isUp: () => state.isUp,
    failed: (error) => told.push(error.message),
  });
  const runs = async (count: number): Promise<void> => {
    for (let i = 0; i < count; i++) {
      clock.advance(5000);
      await nextTurn();
    }
  };
  return { upkeep, state, told, runs };
}

suite("upkeep that fails", () => {
  test("is told at once, and every five minutes while it lasts", async () => {
    const { upkeep, state, told, runs } = setUp();
    state.failure = "permission denied";
    await runs(60);
    assert.deepEqual(told, ["permission denied"]);
    await runs(1);
    assert.equal(told.length, 2);
    upkeep.close();
  });

  test("is told anew after a success in between", async () => {
    const { upkeep, state, told, runs } = setUp();
    state.failure = "one";
    await runs(3);
    state.failure = undefined;
    await runs(1);
    state.failure = "two";
    await runs(3);
    assert.deepEqual(told, ["one", "two"]);
    upkeep.close();
  });

  test("is not even tried while the database is away, of which the tier tells", async () => {
    const { upkeep, state, told, runs } = setUp();
    state.isUp = false;
    await runs(3);
    assert.deepEqual([state.statements, told], [0, []]);
    upkeep.close();
  });
});
