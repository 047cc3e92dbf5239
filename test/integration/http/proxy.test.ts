import assert from "node:assert/strict";
import { test } from "node:test";
import { startGateway } from "../../support/gateway.ts";
import { startEchoOrigin, startOrigin, type Echo } from "../../support/raw-origin.ts";
import { valuesOf } from "../../support/scene.ts";

test("an answer passes with its status, fields and body", async () => {
  await using origin = await startOrigin((request, response) => {
    response.writeHead(201, { "X-From": "origin", "Set-Cookie": ["a=1", "b=2"] });
    response.end(`${request.method} ${request.url}`);
  });
  await using gateway = await startGateway({ target: origin.url });
  const answer = await fetch(`http://127.0.0.1:${gateway.port}/a/b?c=d%20e`);
  assert.equal(answer.status, 201);
  assert.equal(answer.headers.get("x-from"), "origin");
  assert.deepEqual(answer.headers.getSetCookie(), ["a=1", "b=2"]);
  assert.equal(await answer.text(), "GET /a/b?c=d%20e");
  assert.equal(answer.headers.get("via"), "1.1 spillway");
});

test("a trace goes on: the caller's id and state with a span of ours, or a new one; a state too long stays behind", async () => {
  await using origin = await startEchoOrigin();
  await using gateway = await startGateway({ target: origin.url });
  const ask = async (traceparent: string, tracestate: string) => {
    const answer = await fetch(`http://127.0.0.1:${gateway.port}/`, { headers: { traceparent, tracestate } });
    const { headers } = (await answer.json()) as Echo;
    return { parents: valuesOf(headers, "traceparent"), states: valuesOf(headers, "tracestate") };
  };
  const trace = "4bf92f3577b34da6a3ce929d0e0e4736";
  const ours = /^00-4bf92f3577b34da6a3ce929d0e0e4736-(?!00f067aa0ba902b7)[0-9a-f]{16}-00$/;
  const continued = await ask(`00-${trace}-00f067aa0ba902b7-00`, "rojo=1");
  assert.match(continued.parents.join(), ours);
  assert.deepEqual(continued.states, ["rojo=1"]);
  const begun = await ask("nonsense", "rojo=1");
  assert.match(begun.parents.join(), /^00-[0-9a-f]{32}-[0-9a-f]{16}-01$/);
  assert.ok(!begun.parents.join().includes(trace));
  assert.deepEqual(begun.states, []);
  assert.deepEqual((await ask(`00-${trace}-00f067aa0ba902b7-01`, "x".repeat(600))).states, []);
});
