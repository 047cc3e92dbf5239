import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { connectRaw } from "../../support/raw-client.ts";
import { startRawOrigin } from "../../support/raw-origin.ts";
import { startGateway } from "../../support/gateway.ts";
import { probe, startScene } from "../../support/scene.ts";
import { until } from "../../support/wait.ts";

const request = (method: string, target: string, body?: string): string =>
  `${method} ${target} HTTP/1.1\r\nHost: a.example\r\n${body === undefined ? "" : `Content-Length: ${body.length}\r\n`}\r\n${body ?? ""}`;

/** An origin that answers a target only once it is told to, and notes when each request came. */
async function startHeldOrigin() {
  const came: string[] = [];
  const release = new Map<string, () => void>();
  const origin = await startRawOrigin(async (connection) => {
    void connection.closed.then(() => connection.socket.destroy());
    for (let head = await connection.readRequest(); head; head = await connection.readRequest()) {
      const name = `${head.method} ${head.target}`;
      came.push(name);
      await new Promise<void>((resolve) => release.set(name, resolve));
      await connection.send(`HTTP/1.1 200 OK\r\nContent-Length: ${name.length}\r\n\r\n${name}`);
    }
  });
  const answer = async (name: string): Promise<void> => {
    (await until(() => release.get(name), { what: `${name} has come; so far ${came.join(", ")}` }))();
  };
  return { origin, came, answer };
}

suite("pipelining", () => {
  test("S17: a GET behind a POST waits until the POST is answered, and so does a POST behind a GET", async () => {
    const { origin, came, answer } = await startHeldOrigin();
    await using gateway = await startGateway({ target: origin.url });
    await using _ = origin;
    using client = await connectRaw(gateway.port);
    await client.send(
      request("POST", "/1", "hi") +
        request("GET", "/2") +
        request("GET", "/3") +
        request("DELETE", "/4") +
        request("GET", "/5"),
    );
    using other = await connectRaw(gateway.port);
    await other.send(request("GET", "/other"));
    await answer("GET /other");
    await other.readResponse();
    assert.deepEqual(came, ["POST /1", "GET /other"]);
    await answer("POST /1");
    assert.equal((await client.readResponse()).text(), "POST /1");
    await answer("GET /3");
    await until(() => came.includes("GET /2"), { what: "both GETs run" });
    assert.equal(came.includes("DELETE /4"), false);
    await answer("GET /2");
    assert.equal((await client.readResponse()).text(), "GET /2");
    assert.equal((await client.readResponse()).text(), "GET /3");
    await until(() => came.includes("DELETE /4"), { what: "the DELETE runs" });
    assert.equal(came.includes("GET /5"), false);
    await answer("DELETE /4");
    assert.equal((await client.readResponse()).text(), "DELETE /4");
    await answer("GET /5");
    assert.equal((await client.readResponse()).text(), "GET /5");
  });

  test("S17: a POST whose body is still coming holds back nothing it should not, and is overtaken by nothing", async () => {
    await using scene = await startScene();
    using client = await connectRaw(scene.port);
    const long = "x".repeat(150_000);
    const both = request("POST", "/slow", long) + request("GET", "/after");
    await client.send(both.slice(0, 100_000));
    await client.send(both.slice(100_000));
    assert.equal((await client.readResponse()).text(), "/slow");
    assert.equal((await client.readResponse()).text(), "/after");
    assert.deepEqual(
      scene.seen.map(({ target }) => target),
      ["/slow", "/after"],
    );
  });

  test("S17: 64 pipelined GETs are answered in order, each with its own answer", async () => {
    await using scene = await startScene();
    using client = await connectRaw(scene.port);
    await client.send(Array.from({ length: 64 }, (_, i) => request("GET", `/${i}`)).join(""));
    for (let i = 0; i < 64; i++) assert.equal((await client.readResponse()).text(), `/${i}`);
    await probe(client);
  });

  test("S17: nothing that waits is served once an answer has ended the connection", async () => {
    await using origin = await startRawOrigin(async (connection) => {
      await connection.readHead();
      await connection.send("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhel");
      connection.end();
    });
    await using gateway = await startGateway({ target: origin.url });
    using client = await connectRaw(gateway.port);
    await client.send(request("POST", "/1", "hi") + request("POST", "/2", "hi"));
    await client.closed;
    await until(() => gateway.gateway.open() === 0, { what: "no exchange is open" });
    assert.equal(origin.received.length, 1);
    assert.equal(origin.received[0]!.includes("/2"), false);
  });

  test("D5: more than 64 outstanding requests destroy the connection and cost others nothing", async (t) => {
    const { origin, answer, came } = await startHeldOrigin();
    await using gateway = await startGateway({ target: origin.url });
    await using _ = origin;
    using other = await connectRaw(gateway.port);
    for (const [name, flood] of [
      ["GETs", request("GET", "/flood").repeat(50_000)],
      ["behind a POST", request("POST", "/flood", "hi") + request("GET", "/flood").repeat(50_000)],
      ["POSTs", request("POST", "/flood", "hi").repeat(20_000)],
      ["65 GETs", request("GET", "/flood").repeat(65)],
    ] as const) {
      await t.test(name, async () => {
        using client = await connectRaw(gateway.port);
        await client.send(flood).catch(() => {});
        await client.closed;
        assert.equal(client.rest().length, 0);
        await until(() => gateway.gateway.open() === 0, { what: "no exchange of the flood is left" });
        await until(() => origin.open === 0, { what: "no connection to the origin is left" });
        const asked = other.send(request("GET", `/${name.replaceAll(" ", "-")}`));
        await answer(`GET /${name.replaceAll(" ", "-")}`);
        await asked;
        assert.equal((await other.readResponse()).status, 200);
        await until(() => gateway.gateway.open() === 0, { what: "no exchange is open" });
        other.send("").catch(() => {});
      });
    }
    assert.ok(came.filter((one) => one.endsWith("/flood")).length <= 64 * 4);
  });

  test("D5: a flood behind a refused request is cut, too", async () => {
    const { origin } = await startHeldOrigin();
    await using gateway = await startGateway({ target: origin.url });
    await using _ = origin;
    using client = await connectRaw(gateway.port);
    const bad = "POST / HTTP/1.1\r\nHost: a\r\nHost: b\r\nContent-Length: 0\r\n\r\n";
    await client.send(request("GET", "/held") + bad + request("GET", "/x").repeat(50_000)).catch(() => {});
    await client.closed;
    await until(() => gateway.gateway.open() === 0, { what: "no exchange is open" });
  });

  test("D5: requests that were pipelined end when their client leaves", async () => {
    const { origin, came } = await startHeldOrigin();
    await using gateway = await startGateway({ target: origin.url });
    await using _ = origin;
    using client = await connectRaw(gateway.port);
    await client.send(request("GET", "/a").repeat(10) + request("POST", "/b", "hi").repeat(10));
    await until(() => came.length === 2, { what: "two GETs came" });
    client.reset();
    await until(() => gateway.gateway.open() === 0, { what: "no exchange is open" });
    await until(() => origin.open === 0, { what: "every request to the origin was given up" });
    assert.equal(gateway.ended.length, 2);
    assert.equal(came.length, 2);
  });

  test("D5: an answer that nobody reads holds back the requests behind it, not other clients", async () => {
    const big = Buffer.alloc(8 * 1024 * 1024);
    await using origin = await startRawOrigin(async (connection) => {
      for (let head = await connection.readRequest(); head; head = await connection.readRequest()) {
        if (head.target === "/probe") await connection.send("HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\n/probe");
        else await connection.send(`HTTP/1.1 200 OK\r\nContent-Length: ${big.length}\r\n\r\n`, big).catch(() => {});
      }
    });
    await using gateway = await startGateway({ target: origin.url, listen: { writeTimeout: "200ms" } });
    using stuck = await connectRaw(gateway.port);
    stuck.pauseReading();
    await stuck.send(request("GET", "/big").repeat(20));
    using other = await connectRaw(gateway.port);
    await probe(other);
    await until(() => gateway.gateway.open() === 0, {
      what: "the client that reads nothing was cut",
      timeoutMs: 30_000,
    });
    await probe(other);
  });
});
