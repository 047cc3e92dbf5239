import assert from "node:assert/strict";
import { test } from "node:test";
import { until } from "../../support/wait.ts";
import { sends, startRig, type Behaviour } from "./cache-rig.ts";

const WHOLE = "0123456789";

/** An origin that answers ranges `bytes=a-b` of {@link WHOLE}. */
const ranged =
  (fields: Record<string, string>): Behaviour =>
  (request, response) => {
    const asked = /^bytes=(\d+)-(\d*)$/.exec(request.headers.range ?? "");
    if (!asked) return sends(WHOLE, fields)(request, response, 0);
    const first = Number(asked[1]);
    const last = asked[2] === "" ? WHOLE.length - 1 : Number(asked[2]);
    response.writeHead(206, { ...fields, "Content-Range": `bytes ${first}-${last}/${WHOLE.length}` });
    response.end(WHOLE.slice(first, last + 1));
  };

const TAGGED = { "Cache-Control": "max-age=60", ETag: '"a"' };

test("a part is kept, smaller ones are cut out of it, and parts become the whole", async () => {
  await using rig = await startRig("origin", ranged(TAGGED));
  const ask = async (range: string) => {
    const { status, text, cache, raw } = await rig.ask("/x", range && `Range: bytes=${range}\r\n`);
    return [status, text, raw.header("content-range"), cache.replace("spillway; ", "").replace(/; ttl=.*/, "")];
  };
  assert.deepEqual(await ask("2-5"), [206, "2345", "bytes 2-5/10", "fwd=miss; fwd-status=206; stored"]);
  assert.deepEqual(await ask("3-4"), [206, "34", "bytes 3-4/10", "hit"]);
  assert.deepEqual(await ask("6-"), [206, "6789", "bytes 6-9/10", "fwd=partial; fwd-status=206; stored"]);
  assert.deepEqual(await ask("-9"), [206, "123456789", "bytes 1-9/10", "fwd=partial; fwd-status=206; stored"]);
  assert.deepEqual(await ask(""), [200, WHOLE, undefined, "fwd=partial; fwd-status=206; stored"]);
  assert.deepEqual(await ask(""), [200, WHOLE, undefined, "hit"]);
  assert.equal(rig.calls(), 4);
});

test("what is missing of a part is asked for alone, if the whole is still the same, and by one for all", async () => {
  const seen: (string | undefined)[] = [];
  const origin = ranged(TAGGED);
  await using rig = await startRig("origin", (request, response, call) => {
    seen.push(request.headers.range, request.headers["if-range"] as string | undefined);
    setTimeout(() => origin(request, response, call), 50);
  });
  await rig.ask("/x", "Range: bytes=0-3\r\n");
  await rig.ask("/x", "Range: bytes=2-5\r\n");
  const herd = await rig.herd(5);
  for (const { status, text, raw } of herd) {
    assert.deepEqual(
      [status, text, raw.header("content-length"), raw.header("content-range")],
      [200, WHOLE, "10", undefined],
    );
  }
  assert.deepEqual(seen, ["bytes=0-3", undefined, "bytes=4-5", '"a"', "bytes=6-9", '"a"']);
  assert.match((await rig.ask()).cache, /hit/);
  await rig.ask("/y", "Range: bytes=6-9\r\n");
  assert.equal((await rig.ask("/y")).text, WHOLE);
  assert.deepEqual(seen.slice(6), ["bytes=6-9", undefined, "bytes=0-5", '"a"']);
});

test("a part of something that has changed is completed by nothing: the whole that comes is used as it is", async () => {
  await using rig = await startRig("origin", ranged(TAGGED));
  await rig.ask("/x", "Range: bytes=0-3\r\n");
  // As If-Range asks for.
  rig.behave(sends("another", { ...TAGGED, ETag: '"b"' }));
  assert.equal((await rig.ask()).text, "another");
  // And where it was not heard.
  for (const [path, ETag] of [
    ["/y", '"a"'],
    ["/z", '"b"'],
  ] as const) {
    rig.behave(ranged(TAGGED));
    await rig.ask(path, "Range: bytes=0-3\r\n");
    const calls = rig.calls();
    rig.behave((request, response, call) => {
      if (!request.headers.range)
        return sends("whole", { "Cache-Control": "max-age=60", ETag: '"c"' })(request, response, call);
      if (path === "/z") return ranged({ ...TAGGED, ETag })(request, response, call);
      response.writeHead(416, { "Content-Range": "bytes */3" }).end();
    });
    const { status, text } = await rig.ask(path);
    assert.deepEqual([status, text, rig.calls() - calls], [200, "whole", 2]);
  }
});

test("C11: a part is not completed by fewer octets than are missing", async () => {
  await using rig = await startRig("origin", ranged(TAGGED));
  await rig.ask("/x", "Range: bytes=0-3\r\n");
  rig.behave((_request, response) => {
    response.writeHead(206, { ...TAGGED, "Content-Range": "bytes 4-9/10" });
    response.end("456");
  });
  await assert.rejects(rig.ask());
  rig.behave(ranged(TAGGED));
  assert.equal((await rig.ask()).text, WHOLE);
});

test("parts that cover it all are the whole, and only-if-cached never goes further", async () => {
  await using rig = await startRig("origin", ranged(TAGGED));
  await rig.ask("/x", "Range: bytes=5-9\r\n");
  await rig.ask("/x", "Range: bytes=0-4\r\n");
  await until(async () => /hit/.test((await rig.ask()).cache), { what: "the whole is kept" });
  assert.equal(rig.calls(), 2);
  const only = "Cache-Control: only-if-cached\r\nRange: bytes=1-2\r\n";
  assert.deepEqual([(await rig.ask("/x", only)).status, (await rig.ask("/y", only)).status], [206, 504]);
  assert.equal(rig.calls(), 2);
});

test("parts without a strong tag are not combined, personal ones not kept, and a purge takes them away", async () => {
  await using rig = await startRig("origin", ranged({ "Cache-Control": "max-age=60" }));
  await rig.ask("/x", "Range: bytes=0-4\r\n");
  await rig.ask("/x", "Range: bytes=5-9\r\n");
  assert.match((await rig.ask("/x", "Range: bytes=6-7\r\n")).cache, /hit/);
  assert.match((await rig.ask("/x", "Range: bytes=1-2\r\n")).cache, /fwd=partial/);
  assert.match((await rig.ask("/x", "Range: bytes=1-2\r\n")).cache, /hit/);
  await rig.ask("/x", "", "DELETE");
  assert.match((await rig.ask("/x", "Range: bytes=1-2\r\n")).cache, /fwd=miss/);
  rig.behave(ranged({ "Cache-Control": "private, max-age=60", ETag: '"a"' }));
  await rig.ask("/y", "Range: bytes=1-2\r\n");
  assert.match((await rig.ask("/y", "Range: bytes=1-2\r\n")).cache, /fwd=miss; fwd-status=206$/);
});

test("C11: a part whose body is not what Content-Range says is passed on and not kept", async () => {
  await using rig = await startRig("origin", (_request, response) => {
    response.writeHead(206, { ...TAGGED, "Content-Range": "bytes 0-5/10" });
    response.end("01234");
  });
  for (let i = 0; i < 2; i++) assert.equal((await rig.ask("/x", "Range: bytes=0-5\r\n")).text, "01234");
  assert.equal(rig.calls(), 2);
});

test("a part of something newer takes away what is kept whole", async () => {
  await using rig = await startRig("origin", ranged(TAGGED));
  await rig.ask();
  rig.behave(ranged({ ...TAGGED, ETag: '"b"' }));
  await rig.ask("/x", "Cache-Control: no-cache\r\nRange: bytes=0-1\r\n");
  assert.equal((await rig.ask("/x", "Range: bytes=0-1\r\n")).raw.header("etag"), '"b"');
  assert.equal((await rig.ask()).raw.header("etag"), '"b"');
});

test("the answer to a POST stands for a later GET where it says so, and QUERY is passed through", async () => {
  await using rig = await startRig("origin", (request, response, call) => {
    const location = request.url === "/x" ? { "Content-Location": "/x" } : {};
    response.writeHead(200, { "Cache-Control": "max-age=60", ...location });
    response.end(`${request.method} ${call}`);
  });
  await rig.ask();
  const post = await rig.ask("/x", "Content-Length: 0\r\n", "POST");
  assert.deepEqual([post.text, post.cache], ["POST 2", "spillway; fwd=method; fwd-status=200; stored"]);
  assert.equal((await rig.ask()).text, "POST 2");
  assert.equal((await rig.ask("/x", "", "HEAD")).status, 200);
  assert.equal((await rig.ask("/y", "Content-Length: 0\r\n", "POST")).cache, "spillway; fwd=method");
  assert.equal((await rig.ask("/y")).text, "GET 4");
  for (let i = 5; i < 7; i++) {
    const query = await rig.ask("/x", "Content-Length: 0\r\n", "QUERY");
    assert.deepEqual([query.text, query.cache], [`QUERY ${i}`, "spillway; fwd=method"]);
  }
  assert.equal((await rig.ask()).cache.slice(0, 13), "spillway; hit");
});
