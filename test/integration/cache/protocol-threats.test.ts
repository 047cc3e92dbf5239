import assert from "node:assert/strict";
import type { IncomingMessage, ServerResponse } from "node:http";
import { test } from "node:test";
import { systemClock } from "../../../src/core/clock.ts";
import { startRig } from "./cache-rig.ts";

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

const answer = (response: ServerResponse, status: number, control: string, text: string, more: object = {}): void => {
  response.writeHead(status, { "Cache-Control": control, ...more });
  response.end(text);
};

test("C8: a personal page is kept under no name that makes it look like a file", async () => {
  await using rig = await startRig("origin", (request, response, call) =>
    answer(response, 200, "private, max-age=60", `${request.url} ${call}`, { "Content-Type": "text/css" }),
  );
  let calls = 0;
  for (const path of ["/me/x.css", "/me;x.css", "/me%3bx.css", "/me.js", "/me?x.css"]) {
    for (let i = 0; i < 2; i++) assert.equal((await rig.ask(path)).text, `${path} ${++calls}`);
  }
  for (const path of ["/me%2fx.css", "/me%00x.css"]) assert.equal((await rig.ask(path)).status, 400, path);
  assert.equal(rig.calls(), calls);
});

test("C9: an error that one client provokes is gone after 5 s at most, and 400 and 431 are never kept", async () => {
  const { clock, skip } = skipping();
  let status = 503;
  const behaviour = (_request: IncomingMessage, response: ServerResponse, call: number): void =>
    answer(response, status, "public, max-age=3600", `${call}`);
  await using rig = await startRig("origin", behaviour, {}, clock);
  assert.equal((await rig.ask()).text, "1");
  assert.equal((await rig.ask()).text, "1");
  skip(5000);
  assert.equal((await rig.ask()).text, "2");
  for (status of [400, 413, 414, 429, 431]) {
    const first = await rig.ask(`/${status}`);
    assert.equal(first.status, status);
    assert.notEqual((await rig.ask(`/${status}`)).text, first.text);
  }
});

test("C12: in an outage nobody gets what must be revalidated, what is personal, or another variant", async () => {
  const { clock, skip } = skipping();
  let down = false;
  const controls: Record<string, string> = {
    "/must": "max-age=1, must-revalidate, stale-if-error=600",
    "/shared": "s-maxage=1, stale-if-error=600",
    "/private": "private, max-age=1, stale-if-error=600",
    "/variant": "max-age=1, stale-if-error=600",
  };
  const behaviour = (request: IncomingMessage, response: ServerResponse): void => {
    if (down) return answer(response, 503, "no-store", "down");
    const variant = String(request.headers["x-variant"]);
    answer(response, 200, controls[request.url!]!, `for ${variant}`, { Vary: "X-Variant" });
  };
  await using rig = await startRig("origin", behaviour, {}, clock);
  for (const path of Object.keys(controls)) {
    assert.equal((await rig.ask(path, "X-Variant: a\r\n")).text, "for a");
  }
  skip(3000);
  down = true;
  for (const path of ["/must", "/shared", "/private"]) {
    assert.deepEqual([(await rig.ask(path, "X-Variant: a\r\n")).status, path], [503, path]);
  }
  assert.equal((await rig.ask("/variant", "X-Variant: a\r\n")).text, "for a");
  assert.equal((await rig.ask("/variant", "X-Variant: b\r\n")).status, 503);
  assert.equal((await rig.ask("/variant", "X-Variant: a\r\nCookie: id=1\r\n")).status, 503);
});
