import assert from "node:assert/strict";
import type { AddressInfo } from "node:net";
import { createServer } from "node:http";
import { once } from "node:events";
import { test, type TestContext } from "node:test";
import express, { type ErrorRequestHandler } from "express";
import request from "supertest";
import { ConfigError, spillway, type ExchangeEnded, type SpillwayMiddleware } from "../../../src/index.ts";
import { connectRaw } from "../../support/raw-client.ts";
import { startEchoOrigin, type Echo } from "../../support/raw-origin.ts";
import { until } from "../../support/wait.ts";

interface Mounted {
  readonly app: express.Express;
  readonly protect: SpillwayMiddleware;
  readonly ended: ExchangeEnded[];
  readonly log: string[];
}

/** An application with the middleware in front, closed with the test. */
function mounted(t: TestContext, config: Parameters<typeof spillway>[0], mount = "/"): Mounted {
  const log: string[] = [];
  const protect = spillway(config, { log: { write: (line) => log.push(line) } });
  t.after(() => protect.gateway.close());
  const ended: ExchangeEnded[] = [];
  protect.gateway.on("exchange", (event) => ended.push(event));
  const app = express();
  app.disable("x-powered-by");
  app.use(mount, protect);
  return { app, protect, ended, log };
}

const everythingNext: Parameters<typeof spillway>[0] = {
  routes: [{ name: "own", match: { path: "/*" }, dependency: "next", priority: "critical" }],
};

test("a route with dependency next goes on to the application's own, which sees what Spillway found out", async (t) => {
  const { app } = mounted(t, everythingNext);
  app.get("/hello", (req, res) => void res.json(req.spillway));
  const answer = await request(app).get("/hello").expect(200);
  assert.equal(answer.body.route, "own");
  assert.equal(answer.body.class, "critical");
  assert.match(answer.body.id, /^[0-9a-f]{32}$/);
});

test("other routes are answered by their dependency, the application never sees them", async (t) => {
  await using origin = await startEchoOrigin();
  const { app } = mounted(t, {
    dependencies: { shop: { http: { targets: [origin.url] } } },
    routes: [
      { name: "shop", match: { path: "/shop/*" }, dependency: "shop" },
      { name: "own", match: { path: "/*" }, dependency: "next" },
    ],
  });
  app.use((_req, res) => void res.status(418).end());
  const answer = await request(app).post("/shop/cart?x=1").send("octets").expect(200);
  const seen = JSON.parse(answer.text) as Echo;
  assert.equal(seen.target, "/shop/cart?x=1");
  assert.equal(seen.body, "octets");
  await request(app).get("/elsewhere").expect(418);
});

test("mounted under a path, routes still see the whole path, and the application sees its own part", async (t) => {
  const { app } = mounted(
    t,
    {
      routes: [
        { name: "closed", match: { path: "/api/admin/*" }, respond: { status: 403 } },
        { name: "own", match: { path: "/api/*" }, dependency: "next" },
      ],
    },
    "/api",
  );
  const router = express.Router();
  router.get("/items/:id", (req, res) => void res.json([req.url, req.baseUrl, req.params.id]));
  app.use("/api", router);
  app.get("/outside", (req, res) => void res.json({ facts: req.spillway ?? "none" }));
  await request(app).get("/api/admin/x").expect(403);
  await request(app).get("/api/items/7").expect(200, ["/items/7", "/api", "7"]);
  await request(app).get("/outside").expect(200, { facts: "none" });
});

test("a request that no route matches is refused, not handed on", async (t) => {
  const { app } = mounted(t, { routes: [{ match: { path: "/api/*" }, dependency: "next" }] });
  app.use((_req, res) => void res.json("never"));
  const answer = await request(app).get("/else").expect(404);
  assert.equal(answer.headers["content-type"], "application/problem+json");
});

test("handed-on exchanges are counted with the application's status and their duration", async (t) => {
  const { app, protect, ended } = mounted(t, everythingNext);
  app.get("/teapot", (_req, res) => void res.status(418).send("short and stout"));
  await request(app).get("/teapot").expect(418);
  const [event] = await until(() => (ended.length > 0 ? ended : undefined), { what: "the exchange ended" });
  assert.equal(event!.outcome.kind, "handed-on");
  assert.equal(event!.status, 418);
  assert.equal(event!.whole, true);
  assert.ok(event!.durationMs > 0 && event!.durationMs < 5000, `${event!.durationMs} ms`);
  const { text } = await protect.gateway.metrics();
  assert.match(
    text,
    /^spillway_requests_total\{route="own",class="critical",outcome="handed-on",code="418"\} 1$/m,
    "counted",
  );
});

test("a client that leaves before the application has answered is counted as 499", async (t) => {
  const { app, ended } = mounted(t, everythingNext);
  const asked = Promise.withResolvers<void>();
  app.get("/never", () => asked.resolve());
  const server = createServer(app).listen(0, "127.0.0.1");
  t.after(() => server.close());
  await once(server, "listening");
  const client = await connectRaw((server.address() as AddressInfo).port);
  await client.send("GET /never HTTP/1.1\r\nHost: a\r\n\r\n");
  await asked.promise;
  client.reset();
  const [event] = await until(() => (ended.length > 0 ? ended : undefined), { what: "the exchange ended" });
  assert.equal(event!.status, 499);
  assert.equal(event!.whole, false);
});

for (const how of ["throws", "rejects", "calls next"] as const) {
  test(`an error of the application reaches its own handler: a route that ${how}`, async (t) => {
    const { app, ended, log } = mounted(t, everythingNext);
    app.get("/fails", (_req, _res, next) => {
      const error = new Error("of the application");
      if (how === "calls next") return next(error);
      if (how === "rejects") return Promise.reject(error);
      throw error;
    });
    const handler: ErrorRequestHandler = (error: Error, _req, res, _next) => void res.status(599).send(error.message);
    app.use(handler);
    await request(app).get("/fails").expect(599, "of the application");
    const [event] = await until(() => (ended.length > 0 ? ended : undefined), { what: "the exchange ended" });
    assert.equal(event!.status, 599);
    assert.ok(!log.join("").includes('"fault"'), "it is no fault of ours");
  });
}

test("a body that a parser has read before is a 500 at once, and the log says what to do", async (t) => {
  await using origin = await startEchoOrigin();
  const log: string[] = [];
  const protect = spillway(
    {
      dependencies: { shop: { http: { targets: [origin.url] } } },
      routes: [{ match: { path: "/*" }, dependency: "shop" }],
    },
    { log: { write: (line) => log.push(line) } },
  );
  t.after(() => protect.gateway.close());
  const app = express();
  app.use(express.json(), protect);
  const answer = await request(app).post("/cart").send({ a: 1 }).expect(500);
  assert.equal(JSON.parse(answer.text).type, "urn:spillway:problem:internal");
  await until(() => log.join("").includes("put spillway() before express.json()"), { what: "the log says so" });
  assert.equal(origin.connections, 0);
});

test("a body that a parser has read does not matter to the application's own routes", async (t) => {
  const protect = spillway(everythingNext, { log: false });
  t.after(() => protect.gateway.close());
  const app = express();
  app.use(express.json(), protect);
  app.post("/own", (req, res) => void res.json(req.body));
  await request(app).post("/own").send({ a: 1 }).expect(200, { a: 1 });
});

test("after the middleware, the application's body parser reads the whole body", async (t) => {
  const { app } = mounted(t, everythingNext);
  app.post("/own", express.text({ limit: "2mb" }), (req, res) => void res.json(String(req.body).length));
  const body = "x".repeat(1_000_000);
  await request(app).post("/own").set("content-type", "text/plain").send(body).expect(200, "1000000");
});

test("a wrong configuration throws a ConfigError that names every mistake", () => {
  assert.throws(
    () => spillway({ lisen: {}, routes: [{ match: { path: "/*" }, dependency: "shop" }] } as never),
    (error) => {
      assert.ok(error instanceof ConfigError);
      assert.equal(error.issues.length, 2, error.message);
      assert.match(error.message, /did you mean "listen"/);
      assert.match(error.message, /there is no dependency "shop"/);
      return true;
    },
  );
});

test("a file that the configuration names and that is not there is a ConfigError too", () => {
  assert.throws(
    () =>
      spillway({
        dependencies: { shop: { http: { targets: ["https://127.0.0.1:1"], ca: "no/such.pem" } } },
        routes: [{ match: { path: "/*" }, dependency: "shop" }],
      }),
    (error) => error instanceof ConfigError && error.issues[0]!.path === "dependencies.shop.http.ca",
  );
});

for (const begun of [false, true]) {
  test(`an application without Express that throws ${begun ? "amid its answer" : "before it answers"} ends the exchange`, async (t) => {
    const protect = spillway(everythingNext, { log: false });
    t.after(() => protect.gateway.close());
    const faults: string[] = [];
    protect.gateway.on("fault", ({ error }) => faults.push(error.message));
    const server = createServer((req, res) =>
      protect(req, res, () => {
        if (begun) res.writeHead(200).write("begun");
        throw new Error("of the application");
      }),
    );
    const asked = request(server).get("/");
    if (begun) await assert.rejects(asked);
    else assert.equal((await asked).status, 500);
    assert.deepEqual(faults, ["of the application"]);
  });
}

test("two middlewares in one application count apart", async (t) => {
  const one = mounted(t, everythingNext, "/one");
  const two = spillway(everythingNext, { log: false });
  t.after(() => two.gateway.close());
  one.app.use("/two", two);
  one.app.use((_req, res) => void res.json("own"));
  await request(one.app).get("/one/x").expect(200);
  await until(() => one.ended.length === 1, { what: "one exchange ended" });
  const { text } = await two.gateway.metrics();
  assert.ok(!text.includes('outcome="handed-on"'), "nothing went through the second");
});

test("an answer of the application holds a seat of a client quota until it is over, however it ends", async (t) => {
  const { app, ended } = mounted(t, {
    routes: [{ name: "own", match: { path: "/*" }, dependency: "next", rateLimit: { concurrent: 1 } }],
  });
  const answers: (() => void)[] = [];
  app.get("/slow", (_req, res) => void answers.push(() => void res.end("done")));
  app.get("/quick", (_req, res) => void res.end("done"));
  app.get("/broken", () => {
    throw new Error("broken");
  });
  app.use(((_error, _req, res, _next) => void res.status(500).end()) satisfies ErrorRequestHandler);
  const slow = request(app).get("/slow");
  const answered = slow.then(({ status }) => status);
  await until(() => answers.length === 1, { what: "the application has the request" });
  await request(app).get("/quick").expect(429);
  answers[0]!();
  assert.equal(await answered, 200);
  await until(() => ended.length === 2, { what: "both are over" });
  for (const path of ["/broken", "/quick", "/broken", "/quick"]) {
    const before = ended.length;
    await request(app)
      .get(path)
      .expect(path === "/quick" ? 200 : 500);
    await until(() => ended.length > before, { what: "it is over" });
  }
});
