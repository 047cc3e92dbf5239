import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { createLog } from "../../../src/telemetry/log.ts";
import { createMetrics } from "../../../src/telemetry/metrics.ts";
import { systemClock } from "../../../src/core/clock.ts";
import { fairClock } from "../../support/fair-clock.ts";
import { watchAnswers } from "../../support/buffered-answers.ts";
import { startGateway } from "../../support/gateway.ts";
import { connectRaw, type RawClient } from "../../support/raw-client.ts";
import { startEchoOrigin, startOrigin, startRawOrigin } from "../../support/raw-origin.ts";
import { deadline, until } from "../../support/wait.ts";

/**
 * D4: octets of answers that one client connection may leave with us. Two answers run side by side, and of each two reads
 * of 64 KiB come before the dependency stands still; their heads, some 70 octets each here, come on top.
 */
const MOST_BUFFERED = 256 * 1024 + 2 * 1024;
const GET = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";

suite("slow clients", () => {
  test("500 slow uploads hold no connection to the origin, and good requests pass", async () => {
    await using origin = await startEchoOrigin();
    await using gateway = await startGateway({ target: origin.url, dependency: { http: { targets: [origin.url] } } });
    const slow: RawClient[] = [];
    for (let i = 0; i < 500; i++) {
      const client = await connectRaw(gateway.port);
      await client.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 60000\r\n\r\nx");
      slow.push(client);
    }
    await until(() => gateway.gateway.open() === 500, { what: "500 uploads are under way" });
    assert.equal(origin.connections, 0);
    using good = await connectRaw(gateway.port);
    await good.send(GET);
    assert.equal((await good.readResponse()).status, 200);
    assert.equal(origin.connections, 1);
    for (const client of slow) client.destroy();
    await until(() => gateway.gateway.open() === 0, { what: "no exchange is open" });
  });

  test("D4: 60 readers who stop leave 256 KiB each at most with us, are cut after writeTimeout, and free their origins", async () => {
    using answers = watchAnswers();
    await using origin = await startRawOrigin(async (connection) => {
      await connection.readHead();
      connection.socket.write("HTTP/1.1 200 OK\r\nContent-Length: 1073741824\r\n\r\n");
      const piece = Buffer.alloc(65_536);
      const more = (): void => {
        while (connection.socket.writable && connection.socket.write(piece)) continue;
      };
      connection.socket.on("drain", more);
      more();
      await connection.closed;
      connection.socket.destroy();
    });
    await using gateway = await startGateway({ target: origin.url, listen: { writeTimeout: "1s" } });
    const readers: RawClient[] = [];
    for (let i = 0; i < 60; i++) {
      const client = await connectRaw(gateway.port);
      client.pauseReading();
      await client.send(GET);
      readers.push(client);
    }
    const startedAt = fairClock.now();
    let most = 0;
    const look = setInterval(() => (most = Math.max(most, ...answers.byConnection(gateway.port))), 5);
    await until(() => gateway.ended.length === 60, {
      timeoutMs: 30_000,
      what: () => `60 readers are cut; ${gateway.ended.length} are`,
    });
    clearInterval(look);
    const took = fairClock.now() - startedAt;
    assert.ok(took < 4000, `${took} ms`);
    assert.ok(most > 0 && most <= MOST_BUFFERED, `${most} octets of one answer`);
    await until(() => origin.open === 0, { what: "the origin's connections are over" });
    for (const { whole } of gateway.ended) assert.equal(whole, false);
    for (const client of readers) client.destroy();
  });

  test("D4: 64 pipelined requests for large answers leave 256 KiB at most with us in all", async () => {
    using answers = watchAnswers();
    await using origin = await startOrigin((_request, response) => response.end(Buffer.alloc(1024 ** 2)));
    await using gateway = await startGateway({ target: origin.url, listen: { writeTimeout: "30s" } });
    using client = await connectRaw(gateway.port);
    client.pauseReading();
    await client.send(GET.repeat(64));
    await until(() => origin.requests > 0, { what: "the origin is asked" });
    let last = -1;
    await until(
      async () => {
        const before = last;
        last = origin.requests;
        await new Promise((resolve) => setTimeout(resolve, 100));
        return before === last && last === origin.requests;
      },
      { what: "the pipeline stands still" },
    );
    // Answers of 1 MiB: a few are in the kernel's buffers, the rest must wait at the origin or not be asked for.
    assert.ok(origin.requests <= 16, `${origin.requests} requests reached the origin`);
    const [buffered] = answers.byConnection(gateway.port);
    assert.ok(buffered! > 0 && buffered! <= MOST_BUFFERED, `${buffered} octets of answers`);
    client.resumeReading();
    for (let i = 0; i < 64; i++)
      assert.equal((await client.readResponse({ timeoutMs: 30_000 })).body.length, 1024 ** 2);
  });
});

suite("large bodies", () => {
  test("a Content-Length beyond the limit is 413 before the origin sees anything", async () => {
    await using origin = await startEchoOrigin();
    await using gateway = await startGateway({ target: origin.url, listen: { maxBody: "1MiB" } });
    using client = await connectRaw(gateway.port);
    await client.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1048577\r\n\r\nxxxx");
    assert.equal((await client.readResponse()).status, 413);
    assert.equal(origin.connections, 0);
  });

  test("chunks without end are cut at the limit with 413, and the origin never sees an end", async () => {
    let seen = 0;
    await using origin = await startRawOrigin(async (connection) => {
      connection.socket.on("data", (chunk: Buffer) => (seen += chunk.length));
      await connection.closed;
      connection.end();
      assert.ok(!connection.received().toString("latin1").endsWith("\r\n0\r\n\r\n"));
    });
    await using gateway = await startGateway({ target: origin.url, listen: { maxBody: "1MiB" } });
    using client = await connectRaw(gateway.port);
    await client.send("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n");
    const chunk = `10000\r\n${"x".repeat(65_536)}\r\n`;
    const flood = (async () => {
      while (client.closing === undefined) await client.send(chunk);
    })().catch(() => {});
    assert.equal((await client.readResponse()).status, 413);
    await deadline(client.closed, 10_000, "the connection is closed");
    await flood;
    // Heads and chunk sizes included.
    assert.ok(seen <= 1024 ** 2 + 4096, `${seen} octets reached the origin`);
    await until(() => origin.open === 0, { what: "the origin's connection is over" });
  });
});

suite("storms", () => {
  test("1,000 aborts: every request at the origin is cancelled, nothing is left open", async () => {
    let cancelled = 0;
    let asked = 0;
    await using origin = await startOrigin((_request, response) => {
      asked += 1;
      response.on("close", () => (cancelled += 1));
    });
    await using gateway = await startGateway({ target: origin.url });
    for (let round = 0; round < 10; round++) {
      const clients = await Promise.all(Array.from({ length: 100 }, () => connectRaw(gateway.port)));
      await Promise.all(clients.map((client) => client.send(GET)));
      await until(() => asked === (round + 1) * 100, { what: () => `all are asked; ${asked} are` });
      const leftAt = fairClock.now();
      for (const [index, client] of clients.entries()) client[index % 2 ? "reset" : "destroy"]();
      await until(() => cancelled === asked, { what: () => `all are cancelled; ${cancelled} of ${asked} are` });
      assert.ok(fairClock.now() - leftAt < 500, `${fairClock.now() - leftAt} ms for a hundred`);
    }
    await until(() => gateway.gateway.open() === 0, { what: "no exchange is open" });
    assert.deepEqual([cancelled, gateway.ended.length], [1000, 1000]);
    for (const { status } of gateway.ended) assert.equal(status, 499);
  });

  test("D9: 2,000 idle connections and 20,000 resets lose no good request", async () => {
    await using origin = await startEchoOrigin();
    await using gateway = await startGateway({ target: origin.url });
    const idle: RawClient[] = [];
    for (let batch = 0; batch < 20; batch++) {
      idle.push(...(await Promise.all(Array.from({ length: 100 }, () => connectRaw(gateway.port)))));
    }
    const state = { flooding: true };
    const flood = (async () => {
      for (let i = 0; i < 200; i++) {
        const some = await Promise.all(Array.from({ length: 100 }, () => connectRaw(gateway.port)));
        for (const [index, client] of some.entries()) {
          if (index % 2) await client.send("GET /half").catch(() => {});
          client.reset();
        }
      }
      state.flooding = false;
    })();
    let good = 0;
    using client = await connectRaw(gateway.port);
    while (state.flooding) {
      await client.send(GET);
      assert.equal((await client.readResponse({ timeoutMs: 30_000 })).status, 200);
      good += 1;
    }
    await flood;
    assert.ok(good > 20, `${good} good requests`);
    for (const one of idle) one.destroy();
  });

  test("maxConnections: one more is closed on arrival, and its place can be had again", async () => {
    await using origin = await startEchoOrigin();
    await using gateway = await startGateway({ target: origin.url, listen: { maxConnections: 3 } });
    const clients = [];
    for (let i = 0; i < 3; i++) {
      const client = await connectRaw(gateway.port);
      await client.send(GET);
      assert.equal((await client.readResponse()).status, 200);
      clients.push(client);
    }
    using fourth = await connectRaw(gateway.port);
    await deadline(fourth.closed, 10_000, "the fourth is closed");
    clients[0]!.destroy();
    const again = await until(
      async () => {
        const client = await connectRaw(gateway.port);
        await client.send(GET).catch(() => {});
        return client.readResponse({ timeoutMs: 500 }).catch(() => undefined);
      },
      { what: "the place is free" },
    );
    assert.equal(again.status, 200);
    for (const client of clients) client.destroy();
  });

  test("more than maxOutstanding pipelined requests cut the connection", async () => {
    await using origin = await startRawOrigin(async (connection) => void (await connection.readRequest()));
    await using gateway = await startGateway({ target: origin.url, listen: { maxOutstanding: 8 } });
    using client = await connectRaw(gateway.port);
    await client.send(GET.repeat(9)).catch(() => {});
    await deadline(client.closed, 10_000, "the connection is cut");
    await until(() => gateway.gateway.open() === 0, { what: "no exchange is open" });
  });
});

suite("what clients write stays out of our outputs", () => {
  test("hostile paths, hosts and methods grow no metric and break no log line", async () => {
    await using origin = await startEchoOrigin();
    await using gateway = await startGateway({ target: origin.url, route: { match: { path: "/a/*" } } });
    const { bus } = gateway.gateway;
    const metrics = createMetrics({ bus, routes: ["all"], version: "0", nodeVersion: "0" });
    let text = "";
    const destination = {
      write(chunk: Buffer, done: () => void) {
        text += chunk.toString();
        done();
      },
    };
    const random = (): number => 0;
    const log = createLog({ bus, destination, accessLog: true, level: "info", clock: systemClock, random });
    for (let i = 0; i < 300; i++) {
      const method = ["GET", "PROPFIND", "SEARCH", "DELETE"][i % 4]!;
      const hostile = ["%0d%0a%1b[31m", '"},{"', "\x1b[31m", "\u00e9\u0085", `%e2%80%ae${"x".repeat(i * 30)}`][i % 5]!;
      using client = await connectRaw(gateway.port);
      await client.send(`${method} ${i % 2 ? "/a" : "/none"}/${i}${hostile} HTTP/1.1\r\n`);
      await client.send(`Host: h${i}.example\r\nUser-Agent: a${i}\x9b31m\r\nX-Request-Id: \x9b31m${i}\r\n\r\n`);
      const { status } = await client.readResponse();
      assert.ok([200, 400, 404].includes(status), `${status}`);
    }
    await until(() => gateway.gateway.open() === 0, { what: "no exchange is open" });
    assert.ok(gateway.ended.length > 50, `${gateway.ended.length} exchanges`);
    await log.close();
    const series = (await metrics.collect()).text.split("\n").filter((line) => line && !line.startsWith("#")).length;
    metrics.close();
    assert.ok(series < 200, `${series} series`);
    const lines = text.trimEnd().split("\n");
    for (const line of lines) {
      JSON.parse(line);
      assert.ok(line.length < 4096, `${line.length} characters`);
      assert.ok(!/\p{Cc}/u.test(line));
    }
    // Those turned away share a budget of ten lines a second; every exchange has its own.
    assert.equal(lines.filter((line) => line.includes('"event":"request"')).length, gateway.ended.length);
  });
});
