import assert from "node:assert/strict";
import { test } from "node:test";
import { startGateway } from "../../support/gateway.ts";
import { startOrigin } from "../../support/raw-origin.ts";

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
