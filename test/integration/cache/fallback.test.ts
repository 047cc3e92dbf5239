import assert from "node:assert/strict";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { test } from "node:test";
import { temporaryDirectory } from "../../support/directory.ts";
import { sends, startRig, type Behaviour } from "./cache-rig.ts";

const fails =
  (status: number): Behaviour =>
  (_request, response) => {
    response.writeHead(status, { "Cache-Control": "no-store" });
    response.end("theirs");
  };

test("with nothing kept a 5xx, a refused connection and a hanging dependency become the fallback; a 4xx does not", async () => {
  await using rig = await startRig({ fallback: { json: { items: [] }, headers: { "X-Calm": "yes" } } }, fails(503), {
    dependency: { timeout: "300ms" },
  });
  const down = await rig.ask();
  assert.deepEqual([down.status, down.text, down.raw.header("x-calm")], [200, '{"items":[]}', "yes"]);
  assert.equal(down.raw.header("content-type"), "application/json");
  assert.equal(down.raw.header("cache-control"), "no-store");
  assert.match(down.cache, /^spillway; fwd=miss; fwd-status=503.*; detail=fallback$/);
  const head = await rig.ask("/x", "", "HEAD");
  assert.deepEqual([head.status, head.text, head.raw.header("content-length")], [200, "", "12"]);
  rig.behave(fails(404));
  assert.deepEqual([(await rig.ask("/missing")).status, (await rig.ask("/missing")).text], [404, "theirs"]);
  rig.behave(fails(503));
  assert.equal((await rig.ask("/x", "Content-Length: 0\r\n", "POST")).status, 503);
  rig.behave(() => {});
  assert.match((await rig.ask("/hangs")).cache, /detail=fallback$/);
  await rig.stopOrigin();
  assert.match((await rig.ask("/refused")).cache, /^spillway; fwd=miss.*; detail=fallback$/);
  const results = rig.gateway.ended.map(({ outcome }) => ("cache" in outcome ? outcome.cache?.result : undefined));
  assert.equal(results.filter((result) => result === "fallback").length, 4);
});

test("a stale answer goes before the fallback, and the fallback before the failure", async () => {
  const cache = { fallback: { body: "ours" } };
  await using rig = await startRig(cache, sends("kept", { "Cache-Control": "max-age=1, stale-if-error=60" }));
  await rig.ask();
  await sleep(1100);
  rig.behave(fails(500));
  assert.equal((await rig.ask()).text, "kept");
  assert.equal((await rig.ask("/other")).text, "ours");
});

test("a fallback's file is read with the configuration, and again at a reload", async () => {
  await using directory = await temporaryDirectory();
  const file = join(directory.path, "sorry.html");
  await writeFile(file, "<p>one</p>");
  const cache = { fallback: { status: 503, file } };
  await using rig = await startRig(cache, fails(500));
  const first = await rig.ask();
  assert.deepEqual([first.status, first.text], [503, "<p>one</p>"]);
  assert.equal(first.raw.header("content-type"), "text/html; charset=utf-8");
  await writeFile(file, "<p>two</p>");
  assert.equal((await rig.ask()).text, "<p>one</p>");
  await rig.gateway.apply({ target: rig.target, route: { cache } });
  assert.equal((await rig.ask()).text, "<p>two</p>");
  const large = join(directory.path, "large");
  await writeFile(large, Buffer.alloc(1024 * 1024 + 1));
  const apply = rig.gateway.apply({ target: rig.target, route: { cache: { fallback: { file: large } } } });
  await assert.rejects(apply, /routes\.0\.cache\.fallback\.file - cannot read .*larger than 1024 KiB/);
  assert.equal((await rig.ask()).text, "<p>two</p>");
});

test("a preset speaks for what is kept, and the origin for what is personal", async () => {
  await using rig = await startRig(
    { ttl: "1m", preset: "cdn" },
    sends("x", { "Cache-Control": "max-age=5", Expires: "0", ETag: '"1"' }),
  );
  for (const kind of ["miss", "hit"]) {
    const { raw } = await rig.ask();
    assert.equal(raw.header("cache-control"), "public, max-age=0, s-maxage=60", kind);
    assert.equal(raw.header("cdn-cache-control"), "max-age=60", kind);
    assert.equal(raw.header("surrogate-control"), "max-age=60", kind);
    assert.equal(raw.header("expires"), undefined, kind);
  }
  const same = await rig.ask("/x", 'If-None-Match: "1"\r\n');
  assert.deepEqual([same.status, same.raw.header("cdn-cache-control")], [304, "max-age=60"]);
  rig.behave(sends("mine", { "Cache-Control": "private, max-age=5" }));
  const { raw } = await rig.ask("/mine");
  assert.deepEqual([raw.header("cache-control"), raw.header("cdn-cache-control")], ["private, max-age=5", undefined]);
});

test("of several routes the first that matches decides how its paths are kept", async () => {
  const dependency = "origin";
  await using rig = await startRig("off", sends("x"), {
    routes: [
      { name: "logo", match: { path: "/static/logo.svg" }, dependency, cache: "off" },
      { name: "static", match: { path: "/static/*" }, dependency, cache: { ttl: "7d" } },
      { name: "users", match: { path: "/api/users/*" }, dependency, cache: { ttl: "10m" } },
      { name: "api", match: { path: "/api/*" }, dependency, cache: { ttl: "1m" } },
    ],
  });
  const expected: Readonly<Record<string, RegExp>> = {
    "/static/logo.svg": /^$/,
    "/static/app.js": /hit; ttl=6047\d\d;/,
    "/api/users/7": /hit; ttl=(600|599|598);/,
    "/api/items": /hit; ttl=(60|59|58);/,
    "/other": /^$/,
  };
  for (const [path, cache] of Object.entries(expected)) {
    await rig.ask(path);
    assert.match((await rig.ask(path)).cache, cache, path);
  }
});
