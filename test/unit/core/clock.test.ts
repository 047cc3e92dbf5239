import assert from "node:assert/strict";
import { mock, suite, test } from "node:test";
import { createHexSource, systemClock, systemRandom } from "../../../src/core/clock.ts";

suite("hex source", () => {
  test("ids have two digits a byte, lower case, and no two are alike across pages", () => {
    const next = createHexSource(8, 64);
    const ids = Array.from({ length: 1000 }, next);
    for (const id of ids) assert.match(id, /^[0-9a-f]{16}$/);
    assert.equal(new Set(ids).size, 1000);
  });

  test("ids are whole when the page is no multiple of them, and when it is smaller than one", () => {
    const uneven = createHexSource(16, 40);
    for (let i = 0; i < 10; i++) assert.match(uneven(), /^[0-9a-f]{32}$/);
    const small = createHexSource(16, 4);
    for (let i = 0; i < 10; i++) assert.match(small(), /^[0-9a-f]{32}$/);
  });

  test("two sources share nothing", () => {
    assert.notEqual(createHexSource(16)(), createHexSource(16)());
  });
});

suite("system clock", () => {
  test("cancels, repeats, and does not run a timer of a month at once", (t) => {
    mock.timers.enable({ apis: ["setTimeout", "setInterval"] });
    t.after(() => mock.timers.reset());
    const ran: string[] = [];
    systemClock.after(10, () => ran.push("after"));
    systemClock.after(10, () => ran.push("background"), "background");
    const cancel = systemClock.after(10, () => ran.push("cancelled"));
    cancel();
    cancel();
    const stop = systemClock.every(10, () => ran.push("every"));
    systemClock.after(30 * 86_400_000, () => ran.push("month"));
    mock.timers.tick(10);
    mock.timers.tick(10);
    stop();
    mock.timers.tick(10);
    assert.deepEqual(ran, ["after", "background", "every", "every"]);
  });

  test("now does not go back, wall is a date, random stays in [0, 1)", () => {
    const first = systemClock.now();
    assert.ok(systemClock.now() >= first);
    assert.ok(Math.abs(systemClock.wall() - Date.now()) < 1000);
    const drawn = systemRandom();
    assert.ok(drawn >= 0 && drawn < 1);
  });
});
