import assert from "node:assert/strict";
import type { IncomingMessage, ServerResponse } from "node:http";
import { test } from "node:test";
import { systemClock } from "../../../src/core/clock.ts";
import { connectRaw } from "../../support/raw-client.ts";
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
  await using rig = await startRig("origin", behaviour, { dependency: { retry: "off" } }, clock);
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

test("C9: what one client sends too much of, or in an odd way, is nobody else's error (CPDoS)", async () => {
  const provoked: Readonly<Record<string, (request: IncomingMessage) => number | undefined>> = {
    // Oversized header, meta character, method override: Nguyen, Lo Iacono, Federrath, "Your Cache Has Fallen" (2019).
    "/long": ({ headers }) => (JSON.stringify(headers).length > 4000 ? 431 : undefined),
    "/odd": ({ headers }) => ((headers["accept-language"] ?? "").includes("\x7f") ? 400 : undefined),
    "/method": ({ headers }) => (headers["x-http-method-override"] ? 405 : undefined),
    "/gone": ({ headers }) => ((headers.accept ?? "").includes("poison") ? 404 : undefined),
  };
  await using rig = await startRig({ ttl: "60s" }, (request, response) => {
    const status = provoked[request.url!]!(request) ?? 200;
    // The dependency says what a careless one would.
    answer(response, status, status === 404 ? "no-store" : "public, max-age=3600", `${status}`);
  });
  const attacks: [string, string][] = [
    ["/long", `Accept: ${"x".repeat(6000)}\r\n`],
    ["/odd", "Accept-Language: de\x7f\r\n"],
    ["/method", "X-HTTP-Method-Override: DELETE\r\n"],
    ["/gone", "Accept: poison\r\n"],
  ];
  for (const [path, fields] of attacks) {
    await rig.ask(path, fields);
    const good = await rig.ask(path);
    assert.deepEqual([good.status, good.text], [200, "200"], path);
  }
});

test("HEAD, OPTIONS and QUERY: what they bring is kept for no GET, and takes nothing away", async () => {
  await using rig = await startRig({ ttl: "60s" }, (request, response, call) =>
    answer(response, 200, "public, max-age=60", `${request.method} ${call}`),
  );
  for (const method of ["HEAD", "OPTIONS", "QUERY"]) {
    const fields = method === "QUERY" ? "Content-Length: 0\r\n" : "";
    for (let i = 0; i < 2; i++) assert.doesNotMatch((await rig.ask(`/${method}`, fields, method)).cache, /hit|stored/);
    const get = await rig.ask(`/${method}`);
    assert.match(get.text, /^GET /);
    await rig.ask(`/${method}`, fields, method);
    assert.equal((await rig.ask(`/${method}`)).text, get.text);
  }
  // Of what is kept a HEAD is answered without asking, the other two are not.
  assert.equal(rig.calls(), 3 * 2 + 3 + 2);
});

test("C6: the body of a GET reaches no answer that is kept, by its length or in pieces", async () => {
  await using rig = await startRig("origin", (request, response) => {
    let body = "";
    request.on("data", (chunk: Buffer) => (body += String(chunk)));
    request.on("end", () => answer(response, 200, "public, max-age=60", `got ${body}`));
  });
  const fat = async (framing: string): Promise<string> => {
    using client = await connectRaw(rig.gateway.port);
    await client.send(`GET /x HTTP/1.1\r\nHost: shop.example\r\n${framing}`);
    return (await client.readResponse()).text();
  };
  assert.equal(await fat("Content-Length: 6\r\n\r\npoison"), "got poison");
  assert.equal(await fat("Transfer-Encoding: chunked\r\n\r\n6\r\npoison\r\n0\r\n\r\n"), "got poison");
  assert.equal((await rig.ask()).text, "got ");
  assert.equal(await fat("Content-Length: 6\r\n\r\npoison"), "got poison");
  assert.equal((await rig.ask()).text, "got ");
});
