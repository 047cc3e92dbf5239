import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { createServer } from "node:https";
import { suite, test } from "node:test";
import { startGateway } from "../../support/gateway.ts";
import { listen, stopListening } from "../../support/raw-origin.ts";
import { until } from "../../support/wait.ts";

const CERT = "test/support/tls/cert.pem";
/** A name longer than DNS allows: no resolver needs to be asked for it. */
const NO_NAME = `${"a".repeat(64)}.example`;

/** An https origin whose certificate is for localhost and its addresses; tells the name it was asked for. */
async function startTlsOrigin() {
  const server = createServer(
    { cert: readFileSync(CERT), key: readFileSync("test/support/tls/key.pem") },
    (request, response) => response.end(`asked for ${(request.socket as { servername?: string | false }).servername}`),
  );
  server.on("tlsClientError", () => {});
  const port = await listen(server, 0);
  return {
    port,
    [Symbol.asyncDispose]: () => {
      server.closeAllConnections();
      return stopListening(server);
    },
  };
}

/** One request through a gateway with one dependency; gives what the client got and what the event tells. */
async function askThrough(http: object) {
  await using gateway = await startGateway({
    dependencies: { origin: { http } },
    routes: [{ match: { path: "/*" }, dependency: "origin" }],
  });
  const startedAt = performance.now();
  const answer = await fetch(`http://127.0.0.1:${gateway.port}/`);
  const text = await answer.text();
  const ms = performance.now() - startedAt;
  const { outcome } = await until(() => gateway.ended[0], { what: "the exchange has ended" });
  return { status: answer.status, text, ms, outcome };
}

suite("targets over TLS", () => {
  test("with a certificate that its own authority signed for its name", async () => {
    await using origin = await startTlsOrigin();
    const { status, text } = await askThrough({ targets: [`https://localhost:${origin.port}`], ca: CERT });
    assert.deepEqual([status, text], [200, "asked for localhost"]);
  });

  for (const [what, host, ca, says] of [
    ["a certificate that no known authority signed", "localhost", undefined, /self.signed certificate/],
    ["a certificate for another name", "[::ffff:127.0.0.1]", CERT, /does not match certificate's altnames/],
  ] as const) {
    test(`${what} is a 502 at once; the log knows why, the client does not`, async () => {
      await using origin = await startTlsOrigin();
      const { status, text, ms, outcome } = await askThrough({
        targets: [`https://${host}:${origin.port}`],
        ...(ca && { ca }),
      });
      assert.equal(status, 502);
      assert.ok(outcome.kind === "failed" && outcome.reason === "connect");
      assert.match(outcome.error?.message ?? "", says);
      assert.doesNotMatch(text, /certificate/);
      assert.ok(ms < 1500, `took ${ms} ms`);
    });
  }

  test("a target that does not speak TLS is a 502", async () => {
    await using plain = await startGateway({ routes: [{ match: { path: "/*" }, respond: { status: 200 } }] });
    const { status, outcome } = await askThrough({ targets: [`https://127.0.0.1:${plain.port}`] });
    assert.equal(status, 502);
    assert.ok(outcome.kind === "failed" && outcome.error);
  });
});

test("a name that does not resolve is a 502 at once, and the log names it", async () => {
  const { status, ms, outcome } = await askThrough({ targets: [`http://${NO_NAME}:80`] });
  assert.equal(status, 502);
  assert.ok(outcome.kind === "failed" && outcome.reason === "connect");
  assert.match(outcome.error?.message ?? "", new RegExp(NO_NAME));
  assert.ok(ms < 1500, `took ${ms} ms`);
});
