import assert from "node:assert/strict";
import { test } from "node:test";
import { sends, startRig } from "./cache-rig.ts";

const FIELDS = { "Cache-Control": "max-age=60", "No-Vary-Search": 'key-order, params=("utm")' };

test("No-Vary-Search: a query that means the same is answered with what another brought", async () => {
  await using rig = await startRig(
    "origin",
    sends((request) => `${request.url}`, FIELDS),
  );
  assert.equal((await rig.ask("/x?a=1&b=2")).text, "/x?a=1&b=2");
  for (const query of ["?b=2&a=1", "?a=1&utm=x&b=2", "?utm=y&b=2&a=%31"]) {
    const answer = await rig.ask(`/x${query}`);
    assert.deepEqual([answer.text, answer.cache.slice(0, 13)], ["/x?a=1&b=2", "spillway; hit"], query);
  }
  for (const query of ["", "?a=1", "?a=2&b=2", "?a=1&b=2&UTM=1", "?a=1&b=2&b=2"]) {
    assert.equal((await rig.ask(`/x${query}`)).text, `/x${query}`, query);
  }
  assert.equal((await rig.ask("/y?b=2&a=1")).text, "/y?b=2&a=1");
  assert.equal(rig.calls(), 7);
});

test("No-Vary-Search: each answer by its own rule, the last one of its path, and none that is malformed", async () => {
  let rule = 'params=("utm")';
  await using rig = await startRig("origin", (request, response) => {
    response.writeHead(200, { "Cache-Control": "max-age=60", ...(rule && { "No-Vary-Search": rule }) });
    response.end(request.url);
  });
  await rig.ask("/x?a=1");
  assert.equal((await rig.ask("/x?a=1&utm=1")).text, "/x?a=1");
  rule = "";
  await rig.ask("/x?a=2");
  assert.equal((await rig.ask("/x?a=1&utm=2")).text, "/x?a=1&utm=2");
  assert.equal((await rig.ask("/x?a=2&utm=2")).text, "/x?a=2&utm=2");
  rule = 'params=("utm"';
  await rig.ask("/y?a=1");
  assert.equal((await rig.ask("/y?a=1&utm=1")).text, "/y?a=1&utm=1");
});

test("No-Vary-Search: personal answers stay personal, variants variants, and a change takes them away", async () => {
  await using rig = await startRig("origin", (request, response, call) => {
    const personal = request.headers.cookie === undefined ? {} : { "Cache-Control": "private, max-age=60" };
    response.writeHead(200, { ...FIELDS, Vary: "Accept-Language", ...personal });
    response.end(`${request.method} ${call}`);
  });
  const language = "Accept-Language: de\r\n";
  assert.equal((await rig.ask("/x?a=1", language)).text, "GET 1");
  assert.equal((await rig.ask("/x?a=1&utm=1", language)).text, "GET 1");
  assert.equal((await rig.ask("/x?a=1&utm=1", "Accept-Language: en\r\n")).text, "GET 2");
  assert.equal((await rig.ask("/x?a=1&utm=2", `${language}Cookie: id=1\r\n`)).text, "GET 3");
  assert.equal((await rig.ask("/z?a=1", language)).text, "GET 4");
  await rig.ask("/z?utm=3&a=1", "", "DELETE");
  assert.equal((await rig.ask("/z?a=1", language)).text, "GET 6");
});
