import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { opossumEngine } from "../../../../src/dependency/breaker/engine.ts";

const timers = (): number => process.getActiveResourcesInfo().filter((kind) => kind === "Timeout").length;

suite("opossum as the engine of a generation", () => {
  test("begins closed or half-open, opens and closes", () => {
    const first = opossumEngine("closed");
    assert.deepEqual([first.state, first.closed], ["closed", true]);
    first.open();
    assert.deepEqual([first.state, first.closed], ["open", false]);
    first.end();
    const next = opossumEngine("half-open");
    assert.equal(next.state, "half-open");
    next.close();
    assert.equal(next.state, "closed");
    next.end();
    const third = opossumEngine("half-open");
    third.open();
    assert.equal(third.state, "open");
    third.end();
  });

  test("has no interval, and no timer after its end", () => {
    const before = timers();
    const engine = opossumEngine("closed");
    assert.equal(timers(), before);
    engine.open();
    engine.end();
    assert.equal(timers(), before);
  });
});
