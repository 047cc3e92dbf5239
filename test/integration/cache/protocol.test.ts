import assert from "node:assert/strict";
import type { ServerResponse } from "node:http";
import { setTimeout as sleep } from "node:timers/promises";
import { test } from "node:test";
import { connectRaw } from "../../support/raw-client.ts";
import { until } from "../../support/wait.ts";
import { sends, startRig, type Behaviour } from "./cache-rig.ts";

const MINUTE = { "Cache-Control": "max-age=60" };
const counting: Behaviour = sends((_, call) => `${call}`, MINUTE);

test("HEAD is answered from a kept GET, and a matching condition with 304", async () => {
  await using rig = await startRig("origin", sends("text", { ...MINUTE, ETag: '"a"', "Content-Type": "text/plain" }));
  await rig.ask();
  const head = await rig.ask("/x", "", "HEAD");
  assert.deepEqual([head.status, head.text, head.raw.header("content-length")], [200, "", "4"]);
  assert.match(head.cache, /^spillway; hit/);
  const same = await rig.ask("/x", 'If-None-Match: W/"a"\r\n');
  assert.deepEqual([same.status, same.text, same.raw.header("etag")], [304, "", '"a"']);
  assert.equal(same.raw.header("content-length"), undefined);
  assert.equal((await rig.ask("/x", 'If-None-Match: "b"\r\n')).status, 200);
  assert.equal(rig.calls(), 1);
});

test("a condition that matches what was just fetched is answered 304, and the whole is kept", async () => {
  const seen: (string | undefined)[] = [];
  await using rig = await startRig("origin", (request, response) => {
    seen.push(request.headers["if-none-match"]);
    response.writeHead(200, { ...MINUTE, ETag: '"a"' });
    response.end("text");
  });
  assert.equal((await rig.ask("/x", 'If-None-Match: "a"\r\n')).status, 304);
  await until(async () => /hit/.test((await rig.ask()).cache), { what: "it is kept" });
  assert.deepEqual(seen, [undefined]);
});

test("a 304 of the dependency renews what is kept; one about another answer does not", async () => {
  const answer = (response: ServerResponse, etag: string, text: string): void => {
    response.writeHead(200, { "Cache-Control": "max-age=1", ETag: etag });
    response.end(text);
  };
  await using rig = await startRig("origin", (_request, response) => answer(response, '"a"', "one"));
  await rig.ask();
  await sleep(1100);
  rig.behave((request, response) => {
    assert.equal(request.headers["if-none-match"], '"a"');
    response.writeHead(304, { "Cache-Control": "max-age=1", ETag: '"a"', "X-News": "yes" });
    response.end();
  });
  const renewed = await rig.ask();
  assert.deepEqual([renewed.status, renewed.text, renewed.raw.header("x-news")], [200, "one", "yes"]);
  assert.match(renewed.cache, /^spillway; fwd=stale; fwd-status=304; stored$/);
  assert.match((await rig.ask()).cache, /^spillway; hit/);
  assert.equal(rig.calls(), 2);
  await sleep(1100);
  rig.behave((request, response) => {
    if (request.headers["if-none-match"] === undefined) return answer(response, '"b"', "two");
    response.writeHead(304, { ETag: '"b"' });
    response.end();
  });
  assert.equal((await rig.ask()).text, "two");
  assert.equal(rig.calls(), 4);
});

test("unsafe methods that succeed take kept answers away; those that fail do not", async () => {
  await using rig = await startRig("origin", counting);
  assert.equal((await rig.ask()).text, "1");
  const post = await rig.ask("/x", "Content-Length: 0\r\n", "POST");
  assert.equal(post.cache, "spillway; fwd=method");
  assert.equal((await rig.ask()).text, "3");
  rig.behave((_request, response) => {
    response.writeHead(500);
    response.end();
  });
  await rig.ask("/x", "", "DELETE");
  assert.equal((await rig.ask()).text, "3");
});

test("a part is cut out of what is kept whole, as the answer to a request for a part may be", async () => {
  await using rig = await startRig("origin", sends("0123456789", { ...MINUTE, ETag: '"a"' }));
  const early = await rig.ask("/x", "Range: bytes=2-4\r\n");
  assert.deepEqual([early.status, early.cache], [200, "spillway; fwd=miss; fwd-status=200; stored"]);
  const part = await rig.ask("/x", "Range: bytes=2-4\r\n");
  assert.deepEqual([part.status, part.text, part.raw.header("content-range")], [206, "234", "bytes 2-4/10"]);
  assert.equal((await rig.ask("/x", 'Range: bytes=2-4\r\nIf-Range: "b"\r\n')).status, 200);
  const beyond = await rig.ask("/x", "Range: bytes=10-\r\n");
  assert.deepEqual([beyond.status, beyond.raw.header("content-range")], [416, "bytes */10"]);
  assert.equal(rig.calls(), 1);
});

test("who asks after an invalidation does not get what was on its way before it", async () => {
  await using rig = await startRig("origin", sends("before", MINUTE, 200));
  const slow = rig.ask();
  await until(() => rig.calls() === 1, { what: "the call" });
  rig.behave(sends("after", MINUTE));
  await rig.ask("/x", "Content-Length: 0\r\n", "PUT");
  assert.equal((await rig.ask()).text, "after");
  assert.equal((await slow).text, "before");
  assert.equal((await rig.ask()).text, "after");
});

test("what was on its way when it was invalidated is not kept", async () => {
  await using rig = await startRig("origin", sends("before", MINUTE, 200));
  const slow = rig.ask();
  await until(() => rig.calls() === 1, { what: "the call" });
  rig.behave(sends("after", MINUTE));
  await rig.ask("/x", "Content-Length: 0\r\n", "PUT");
  assert.equal((await slow).text, "before");
  assert.equal((await rig.ask()).text, "after");
});

test("only-if-cached is answered from what is kept, else with 504", async () => {
  await using rig = await startRig("origin", counting);
  const none = await rig.ask("/x", "Cache-Control: only-if-cached\r\n");
  assert.equal(none.status, 504);
  assert.equal((none.raw.json() as { spillway: { reason: string } }).spillway.reason, "not-stored");
  assert.match(none.cache, /^spillway; .*detail=only-if-cached$/);
  assert.equal(rig.calls(), 0);
  await rig.ask();
  assert.equal((await rig.ask("/x", "Cache-Control: only-if-cached\r\n")).text, "1");
});

test("no-cache asks the dependency and renews; no-store is kept from nobody else", async () => {
  await using rig = await startRig("origin", counting);
  await rig.ask();
  const reload = await rig.ask("/x", "Cache-Control: no-cache\r\n");
  assert.equal(reload.text, "2");
  assert.match(reload.cache, /^spillway; fwd=request; fwd-status=200; stored$/);
  assert.equal((await rig.ask()).text, "2");
  await rig.ask("/y", "Cache-Control: no-store\r\n");
  assert.equal((await rig.ask("/y")).text, "4");
});

test("C11: a body that is cut or shorter than announced is never kept", async () => {
  for (const cut of ["length", "chunked"]) {
    await using rig = await startRig("origin", (_request, response) => {
      response.writeHead(200, { ...MINUTE, ...(cut === "length" && { "Content-Length": "100" }) });
      response.write("a part");
      setTimeout(() => response.destroy(), 20);
    });
    using client = await connectRaw(rig.gateway.port);
    await client.send("GET /x HTTP/1.1\r\nHost: shop.example\r\n\r\n");
    await assert.rejects(client.readResponse());
    rig.behave(counting);
    assert.equal((await rig.ask()).text, "2", cut);
  }
});

test("kept answers survive a reload, and go when the store or the way to them changes", async () => {
  await using rig = await startRig("origin", counting);
  const { target } = rig;
  await rig.ask();
  await rig.gateway.apply({ target, route: { cache: { ttl: "60s" } } });
  assert.equal((await rig.ask()).text, "1");
  await rig.gateway.apply({ target, route: { cache: "origin" }, cache: { memory: "1MiB" } });
  assert.equal((await rig.ask()).text, "2");
  await rig.gateway.apply({
    target,
    route: { cache: "origin", rewrite: { prefix: "/other/" } },
    cache: { memory: "1MiB" },
  });
  assert.equal((await rig.ask()).text, "3");
});

test("a slow reader delays nobody else", async () => {
  const long = "x".repeat(900_000);
  await using rig = await startRig("origin", (_request, response) => {
    response.writeHead(200, MINUTE);
    response.write(long.slice(0, 450_000));
    setTimeout(() => response.end(long.slice(450_000)), 200);
  });
  using slow = await connectRaw(rig.gateway.port);
  await slow.send("GET /x HTTP/1.1\r\nHost: shop.example\r\n\r\n");
  slow.pauseReading();
  await until(() => rig.calls() === 1, { what: "the call" });
  const fast = await rig.ask();
  assert.equal(fast.text.length, long.length);
  assert.ok(fast.ms < 1000);
  slow.resumeReading();
  assert.equal((await slow.readResponse()).body.length, long.length);
  assert.equal(rig.calls(), 1);
});
