import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import dns from "node:dns";
import { createServer as createHttp } from "node:http";
import { createServer } from "node:https";
import type { AddressInfo } from "node:net";
import { suite, test, type TestContext } from "node:test";
import { fairClock } from "../../support/fair-clock.ts";
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
  const startedAt = fairClock.now();
  const answer = await fetch(`http://127.0.0.1:${gateway.port}/`);
  const text = await answer.text();
  const ms = fairClock.now() - startedAt;
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

test("F4: a name that moves is followed by the next connection; nothing sticks to where it was", async (t) => {
  const before = await startAt(t, "127.0.0.1", 0);
  const after = await startAt(t, "127.0.0.2", before.port).catch(() => undefined);
  if (!after) return t.skip("this machine has one loopback address only");
  await using gateway = await startGateway({ target: `http://moving.example:${before.port}` });
  const at = { address: "127.0.0.1" };
  t.mock.method(dns, "lookup", (_name: string, options: { all?: boolean }, told: (...found: unknown[]) => void) => {
    process.nextTick(() => (options.all ? told(null, [{ ...at, family: 4 }]) : told(null, at.address, 4)));
  });
  const ask = async (): Promise<string> => (await fetch(`http://127.0.0.1:${gateway.port}/`)).text();
  assert.equal(await ask(), "127.0.0.1");
  at.address = "127.0.0.2";
  await before.close();
  assert.equal(await ask(), "127.0.0.2");
});

/** An origin that answers with the address it listens on; closed with the test at the latest. */
async function startAt(t: TestContext, host: string, port: number) {
  const server = createHttp((_request, response) => void response.end(host));
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(port, host, resolve);
  });
  const close = (): Promise<void> => {
    server.closeAllConnections();
    return stopListening(server);
  };
  t.after(close);
  return { port: (server.address() as AddressInfo).port, close };
}
