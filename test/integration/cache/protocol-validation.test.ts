import assert from "node:assert/strict";
import { setTimeout as sleep } from "node:timers/promises";
import { test } from "node:test";
import { sends, startRig, type Behaviour } from "./cache-rig.ts";

const SECOND = { "Cache-Control": "max-age=1" };

/** Answers a HEAD with these fields, and a GET with a text and its own. */
const split =
  (text: string, get: Record<string, string>, head: Record<string, string>): Behaviour =>
  (request, response) => {
    response.writeHead(200, request.method === "HEAD" ? head : get);
    response.end(text);
  };

test("a HEAD about what is kept is asked as a HEAD, and its fields renew the answer to GET", async () => {
  const methods: string[] = [];
  const news = { "Cache-Control": "max-age=60", ETag: '"a"', "Content-Length": "4", "X-News": "yes" };
  const origin = split("text", { ...SECOND, ETag: '"a"', "Content-Type": "text/plain" }, news);
  await using rig = await startRig("origin", (request, response, call) => {
    methods.push(`${request.method} ${request.headers["if-none-match"] ?? ""}`);
    origin(request, response, call);
  });
  await rig.ask();
  await sleep(1100);
  const head = await rig.ask("/x", "", "HEAD");
  assert.deepEqual([head.status, head.text, head.raw.header("content-length")], [200, "", "4"]);
  assert.match(head.cache, /^spillway; fwd=stale; fwd-status=200; stored$/);
  const kept = await rig.ask();
  assert.deepEqual(
    [kept.text, kept.raw.header("x-news"), kept.raw.header("content-type")],
    ["text", "yes", "text/plain"],
  );
  assert.match(kept.cache, /^spillway; hit; ttl=/);
  assert.deepEqual(methods, ["GET ", "HEAD "]);
});

test("a HEAD about another answer makes what is kept stale, and is answered as it came", async () => {
  for (const news of [
    { ETag: '"b"' },
    { "Content-Length": "5" },
    { "Last-Modified": "Thu, 01 Jan 2026 00:00:00 GMT" },
  ]) {
    const get = { "Cache-Control": "max-age=60", ETag: '"a"', "Content-Length": "4" };
    await using rig = await startRig("origin", split("text", get, { ...get, ...news, "X-News": "yes" }));
    await rig.ask();
    assert.match((await rig.ask()).cache, /hit/);
    const head = await rig.ask("/x", "Cache-Control: no-cache\r\n", "HEAD");
    assert.deepEqual(
      [head.status, head.raw.header("x-news"), head.cache],
      [200, "yes", "spillway; fwd=request; fwd-status=200"],
    );
    const next = await rig.ask();
    assert.match(next.cache, /^spillway; fwd=stale/, JSON.stringify(news));
    assert.equal(rig.calls(), 3);
  }
});

test("heads about one stale answer are asked once, and a dependency that fails them leaves the stale one", async () => {
  const fields = { "Cache-Control": "max-age=1, stale-if-error=60", ETag: '"a"' };
  await using rig = await startRig("origin", sends("text", fields));
  await rig.ask();
  await sleep(1100);
  rig.behave((request, response) => {
    assert.equal(request.method, "HEAD");
    setTimeout(() => response.writeHead(200, { ...fields, "Content-Length": "4" }).end(), 200);
  });
  const heads = await Promise.all(Array.from({ length: 5 }, () => rig.ask("/x", "", "HEAD")));
  assert.deepEqual([...new Set(heads.map(({ status }) => status))], [200]);
  assert.equal(rig.calls(), 2);
  await sleep(1100);
  rig.behave((_request, response) => void response.writeHead(503).end());
  const stale = await rig.ask("/x", "", "HEAD");
  assert.deepEqual([stale.status, stale.raw.header("etag")], [200, '"a"']);
  assert.match(stale.cache, /hit; .*detail=status-503/);
});

test("a HEAD whose answer is personal takes what is kept away, or leaves it when it is about one client", async () => {
  const get = { "Cache-Control": "max-age=60", ETag: '"a"', "Content-Length": "4" };
  await using rig = await startRig("origin", split("text", get, { ...get, "Cache-Control": "private" }));
  await rig.ask();
  const head = await rig.ask("/x", "Cache-Control: no-cache\r\n", "HEAD");
  assert.equal(head.raw.header("cache-control"), "private");
  assert.match((await rig.ask()).cache, /fwd=miss/);
  const calls = rig.calls();
  await rig.ask("/x", "Authorization: Bearer x\r\n", "HEAD");
  assert.match((await rig.ask()).cache, /hit/);
  assert.equal(rig.calls(), calls + 1);
});

/** Greets in the language that comes first; asked about one of its tags it names that. */
const greets: Behaviour = (request, response) => {
  const text = (request.headers["accept-language"] ?? "").startsWith("de") ? "Hallo" : "Hello";
  const fields = { "Cache-Control": "max-age=60", Vary: "Accept-Language", ETag: `"${text}"`, "X-Asked": "yes" };
  const known = request.headers["if-none-match"]?.split(", ").includes(fields.ETag) ?? false;
  response.writeHead(known ? 304 : 200, fields);
  response.end(known ? undefined : text);
};
const speaks = (languages: string): string => `Accept-Language: ${languages}\r\n`;

test("a request that no variant fits asks about all of them, and gets the one that the 304 names", async () => {
  const seen: (string | undefined)[] = [];
  await using rig = await startRig("origin", (request, response, call) => {
    seen.push(request.headers["if-none-match"]);
    greets(request, response, call);
  });
  assert.equal((await rig.ask("/x", speaks("en"))).text, "Hello");
  assert.equal((await rig.ask("/x", speaks("de"))).text, "Hallo");
  const swiss = await rig.ask("/x", speaks("de-CH"));
  assert.deepEqual(
    [swiss.status, swiss.text, swiss.cache],
    [200, "Hallo", "spillway; fwd=miss; fwd-status=304; stored"],
  );
  assert.equal((await rig.ask("/x", speaks("fr"))).text, "Hello");
  assert.deepEqual(seen, [undefined, '"Hello"', '"Hallo", "Hello"', '"Hallo", "Hello"']);
  for (const [languages, text] of [
    ["de-CH", "Hallo"],
    ["fr", "Hello"],
    ["en", "Hello"],
  ] as const) {
    const kept = await rig.ask("/x", speaks(languages));
    assert.match(kept.cache, /^spillway; hit/);
    assert.equal(kept.text, text);
  }
  assert.equal(rig.calls(), 4);
});

test("a 304 that names no variant that was asked about is not used: the whole is asked for", async () => {
  await using rig = await startRig("origin", greets);
  await rig.ask("/x", speaks("en"));
  rig.behave((request, response, call) => {
    if (request.headers["if-none-match"] === undefined) return greets(request, response, call);
    response.writeHead(304, { ETag: '"other"' });
    response.end();
  });
  const { status, text } = await rig.ask("/x", speaks("de"));
  assert.deepEqual([status, text, rig.calls()], [200, "Hallo", 3]);
});

test("C15: a coding that a client does not accept is never asked about for it, nor a tag that two variants have", async () => {
  const seen: (string | undefined)[] = [];
  await using rig = await startRig("origin", (request, response) => {
    seen.push(request.headers["if-none-match"]);
    const coding = request.headers["accept-encoding"];
    const fields = {
      "Cache-Control": "max-age=60",
      Vary: "Accept-Encoding",
      ETag: `"${request.url === "/same" ? "a" : coding}"`,
    };
    response.writeHead(200, { ...fields, ...(coding !== undefined && { "Content-Encoding": coding }) });
    response.end("octets");
  });
  await rig.ask("/x", "Accept-Encoding: gzip\r\n");
  assert.equal((await rig.ask("/x")).raw.header("content-encoding"), undefined);
  await rig.ask("/x", "Accept-Encoding: gzip;q=0, br\r\n");
  assert.deepEqual(seen, [undefined, undefined, '"undefined"']);
  await rig.ask("/same", "Accept-Encoding: gzip\r\n");
  await rig.ask("/same", "Accept-Encoding: br\r\n");
  await rig.ask("/same", "Accept-Encoding: gzip, br\r\n");
  assert.deepEqual(seen.slice(3), [undefined, undefined, undefined]);
});
