import assert from "node:assert/strict";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { suite, test } from "node:test";
import * as fc from "fast-check";
import { loadConfigFile, parseConfig, readConfig, validateConfig } from "../../../src/config/load.ts";
import { ConfigError, issueLine, UsageError } from "../../../src/core/errors.ts";

const MINIMAL = `dependencies:
  a: { http: { targets: ["http://127.0.0.1:3001"] } }
routes:
  - match: { path: "/*" }
    dependency: a
`;
const TOKEN = "0123456789abcdef0123456789abcdef";

/** The errors of a text, a line each. */
function errorsOf(text: string, env: Record<string, string> = {}): string[] {
  try {
    parseConfig(text, "f.yaml", env);
  } catch (thrown) {
    assert.ok(thrown instanceof ConfigError, String(thrown));
    return thrown.issues.map(issueLine);
  }
  return [];
}

/** Asserts that a text has exactly one error: `line:column path`, and what its message must say. */
function oneError(text: string, place: string, says: RegExp, env: Record<string, string> = {}): void {
  const errors = errorsOf(text, env);
  assert.equal(errors.length, 1, errors.join("\n"));
  assert.equal(errors[0]!.split(" - ")[0], `f.yaml:${place}`);
  assert.match(errors[0]!, says);
}

const warningsOf = (text: string) => readConfig(text, "f.yaml", {}).warnings.map(issueLine);

suite("a configuration that loads", () => {
  test("one route and one dependency are complete", () => {
    const config = parseConfig(MINIMAL, "f.yaml", {});
    assert.equal(config.listen.port, 8080);
    assert.equal(config.routes[0]!.name, "route-1");
    assert.deepEqual(warningsOf(MINIMAL), []);
  });

  test("it is frozen to the last part", () => {
    const config = parseConfig(MINIMAL, "f.yaml", {});
    const visit = (value: unknown): void => {
      if (typeof value !== "object" || value === null) return;
      assert.ok(Object.isFrozen(value));
      for (const part of Object.values(value)) visit(part);
    };
    visit(config);
  });

  test("the hash follows the meaning, not the spelling", () => {
    const hash = (text: string, env = {}) => readConfig(text, "f.yaml", env).hash;
    assert.equal(hash(MINIMAL), hash(`# a comment\n${MINIMAL}`));
    assert.notEqual(hash(MINIMAL), hash(MINIMAL.replace("3001", "3002")));
    const listen = `${MINIMAL}listen:\n  port: \${PORT}\n`;
    assert.notEqual(hash(listen, { PORT: "1" }), hash(listen, { PORT: "2" }));
  });

  test("line ends of Windows change nothing, places included", () => {
    const windows = MINIMAL.replaceAll("\n", "\r\n");
    assert.deepEqual(parseConfig(windows, "f.yaml", {}), parseConfig(MINIMAL, "f.yaml", {}));
    oneError(windows.replace("dependency: a", "dependency: b"), "5:17 routes.0.dependency", /there is no dependency/);
    oneError(windows.replace("dependencies:", "dependncies: 1\r\ndependencies:"), "1:1 dependncies", /did you mean/);
  });

  test("an alias repeats what its anchor holds", () => {
    const text = MINIMAL.replace("  a: {", "  b: &b {").replace("routes:", "  a: *b\nroutes:");
    const config = parseConfig(text, "f.yaml", {});
    assert.deepEqual(config.dependencies["a"], config.dependencies["b"]);
  });
});

suite("the place of every error", () => {
  test("a file that is empty, or comments only", () => {
    oneError("", "1:1 (file)", /the file is empty/);
    oneError("# nothing yet\n", "1:1 (file)", /the file is empty/);
    oneError("~\n", "1:1 (file)", /the file is empty/);
  });

  test("a list or a text in place of the whole", () => {
    oneError("- a\n", "1:1 (file)", /expected a map of keys, got a list/);
    oneError("hello\n", "1:1 (file)", /expected a map of keys, got a single value/);
  });

  test("YAML that cannot be read", () => {
    oneError(`${MINIMAL}ops: [1\n`, "7:1 (file)", /Flow sequence/);
    oneError("a: 1\n---\nb: 2\n", "2:1 (file)", /one document only/);
    oneError(`${MINIMAL}drain: { timeout: \${T} }\n`, "6:20 (file)", /needs quotes/);
    oneError("a: !thing 1\n", "1:4 (file)", /Unresolved tag/);
  });

  test("a key that stands twice", () => {
    oneError(`${MINIMAL}listen:\n  port: 1\n  port: 2\n`, "8:3 listen.port", /duplicate key "port".* line 7/);
  });

  test("nesting without end, and an alias bomb", () => {
    oneError("[".repeat(100_000), "1:1 (file)", /nested too deep/);
    const bomb = ["x0: &x0 [1, 1, 1, 1, 1, 1, 1, 1, 1, 1]"];
    for (let i = 1; i < 8; i++) bomb.push(`x${i}: &x${i} [${`*x${i - 1}, `.repeat(10)}]`);
    const errors = errorsOf(bomb.join("\n"));
    assert.equal(errors.filter((error) => error.includes("too many values")).length, 1);
    assert.ok(errorsOf("a: &a [*a]\n").some((error) => /^f.yaml:1:8 .* nested too deep/.test(error)));
    assert.ok(errorsOf("a: *b\n").includes('f.yaml:1:4 a - unknown alias "*b": no "&b" before it'));
  });

  test("an unknown key, with the one that was meant", () => {
    oneError(`${MINIMAL}listen:\n  prot: 1\n`, "7:3 listen.prot", /unknown key "prot": did you mean "port"\?/);
    oneError(MINIMAL.replace('"/*" }', '"/*" }\n    timeuot: 1s'), "5:5 routes.0.timeuot", /did you mean "timeout"\?/);
    oneError(`${MINIMAL}zebra: 1\n`, "6:1 zebra", /known here are listen, ops, drain/);
    oneError(
      MINIMAL.replace("[", "[{ url: http://a, wieght: 1 }, "),
      "2:43 dependencies.a.http.targets.0.wieght",
      /did you mean "weight"\?/,
    );
    oneError(`${MINIMAL}listen:\n  accessLog: { smple: 1, sample: 1 }\n`, "7:16 listen.accessLog.smple", /"sample"/);
  });

  test("a duration or a size without its unit, or beyond its bounds", () => {
    oneError(`${MINIMAL}drain:\n  timeout: 5\n`, "7:12 drain.timeout", /expected a duration with its unit .* got 5/);
    oneError(`${MINIMAL}drain:\n  timeout: 5 sec\n`, "7:12 drain.timeout", /got "5 sec"/);
    oneError(`${MINIMAL}drain:\n  timeout: 2h\n`, "7:12 drain.timeout", /between 0 and 1h, got 2h/);
    oneError(`${MINIMAL}listen:\n  maxBody: 10\n`, "7:12 listen.maxBody", /expected a size with its unit/);
  });

  test("another kind of value than expected", () => {
    oneError(`${MINIMAL}listen:\n  port: "80"\n`, "7:9 listen.port", /expected a number, got "80": leave the quotes/);
    oneError(`${MINIMAL}listen:\n  port: 1.5\n`, "7:9 listen.port", /expected a whole number, got 1.5/);
    oneError(`${MINIMAL}listen:\n  port: 70000\n`, "7:9 listen.port", /at most 65535, got 70000/);
    oneError(`${MINIMAL}listen:\n  host: 1\n`, "7:9 listen.host", /expected a text, got 1: put it in quotes/);
    oneError(`${MINIMAL}listen:\n  workers: many\n`, "7:12 listen.workers", /a number or "auto", got "many"/);
    oneError(`${MINIMAL}listen:\n`, "6:1 listen", /has no value/);
    oneError(
      MINIMAL.replace("a\n", "a\n    priority: hig\n").replace("hig", "critcal"),
      "6:15 routes.0.priority",
      /did you mean "critical"/,
    );
  });

  test("a name that cannot be one", () => {
    oneError(
      MINIMAL.replace("  a:", "  a b: *a\n  a:").replace("*a", '{ http: { targets: ["http://b"] } }'),
      "2:3 dependencies.a b",
      /letters, digits/,
    );
    oneError(`${MINIMAL}__proto__: 1\n`, "6:1 __proto__", /choose another name/);
    oneError(`${MINIMAL}? [a]\n: 1\n`, "6:3 (file)", /a key must be a plain text/);
  });

  test("a missing key points at what it is missing from", () => {
    oneError("dependencies: {}\n", "1:1 routes", /is missing: expected a list/);
    oneError("routes: []\n", "1:9 routes", /at least one route is needed/);
    oneError(MINIMAL.replace('{ path: "/*" }', "{}"), "4:5 routes.0.match.path", /is missing/);
  });
});

suite("keys that must agree", () => {
  test("a pattern that can never match, and a rewrite that its pattern cannot feed", () => {
    const path = (text: string) => MINIMAL.replace("/*", text);
    oneError(path("/a//b"), "4:20 routes.0.match.path", /an empty segment never matches/);
    oneError(path("/a/:id/:id"), "4:20 routes.0.match.path", /":id" stands there twice/);
    oneError(`${path("/a")}    rewrite: { prefix: /b }\n`, "6:14 routes.0.rewrite", /has no "\*"/);
    oneError(`${path("/a/:x")}    rewrite: { path: "/b/:y" }\n`, "6:14 routes.0.rewrite", /:y/);
  });

  test("a field that frames a message is not for routes to set", () => {
    const set = (name: string) => `${MINIMAL}    requestHeaders: { set: { ${name}: x } }\n`;
    for (const name of ["Transfer-Encoding", "content-length", "Connection", "Upgrade", "TE", "Trailer", "Expect"]) {
      oneError(set(name), `6:30 routes.0.requestHeaders.set.${name}`, /frames the message/);
    }
    const answer = set("Content-Length").replace("requestHeaders", "responseHeaders");
    oneError(answer, "6:31 routes.0.responseHeaders.set.Content-Length", /frames the message/);
    assert.deepEqual(errorsOf(set("Host")), []);
  });

  test("a route has either a dependency or a fixed answer", () => {
    oneError(`${MINIMAL}    respond: { status: 200 }\n`, "6:5 routes.0.respond", /take out one/);
    oneError(MINIMAL.replace("    dependency: a\n", ""), "4:5 routes.0.dependency", /needs either a dependency or/);
  });

  test("what a fixed answer or the host application would not heed is refused", () => {
    const route = (lines: string) => `routes:\n  - match: { path: "/a/*" }\n${lines}`;
    const idle = ["rewrite: { prefix: / }", "requestHeaders: { set: { x-a: b } }", "timeout: 1s", "websocket: true"];
    for (const setting of [...idle, "trailers: true"]) {
      const path = `routes.0.${setting.split(":")[0]}`;
      oneError(route(`    respond: { status: 200 }\n    ${setting}\n`), `4:5 ${path}`, /no effect on a fixed answer/);
    }
    const next = route("    dependency: next\n    responseHeaders: { remove: [server] }\n");
    assert.throws(
      () => parseConfig(next, "f.yaml", {}, { hostApp: true }),
      /4:5 routes\.0\.responseHeaders - has no effect/,
    );
    parseConfig(route("    respond: { status: 301 }\n    responseHeaders: { set: { location: /b } }\n"), "f.yaml", {});
    parseConfig(route("    respond: { status: 200 }\n    websocket: false\n"), "f.yaml", {});
    for (const status of [204, 205, 304]) {
      oneError(route(`    respond: { status: ${status}, body: x }\n`), "3:35 routes.0.respond.body", /has no body/);
    }
  });

  test("a dependency must exist, and next is for host applications", () => {
    const named = (name: string) => MINIMAL.replace("dependency: a", `dependency: ${name}`);
    oneError(named("b"), "5:17 routes.0.dependency", /there is no dependency "b": did you mean "a"\?/);
    oneError(named("catalog"), "5:17 routes.0.dependency", /known are a/);
    oneError(named("toString"), "5:17 routes.0.dependency", /there is no dependency "toString"/);
    oneError(named("next"), "5:17 routes.0.dependency", /name a dependency/);
    assert.equal(parseConfig(named("next"), "f.yaml", {}, { hostApp: true }).routes[0]!.dependency, "next");
    oneError(MINIMAL.replaceAll(/\ba\b/g, "next"), "2:3 dependencies.next", /cannot name a dependency/);
  });

  test("names are used once, the given and the made ones together", () => {
    const routes = (first: string, second: string) =>
      `routes:\n  - ${first}match: { path: /a }\n    respond: { status: 200 }\n  - ${second}match: { path: /b }\n    respond: { status: 200 }\n`;
    oneError(routes("name: x\n    ", "name: x\n    "), "5:11 routes.1.name", /"x" is taken by routes.0/);
    oneError(routes("name: route-2\n    ", ""), "5:5 routes.1", /called route-2, and so is routes.0/);
    oneError(routes("name: _other\n    ", ""), "2:11 routes.0.name", /letters, digits/);
    assert.deepEqual(
      parseConfig(routes("", "name: b\n    "), "f.yaml", {}).routes.map((route) => route.name),
      ["route-1", "b"],
    );
  });

  test("a route behind one that takes all of its requests", () => {
    const routes = (...matches: string[]) =>
      `routes:\n${matches.map((match) => `  - match: ${match}\n    respond: { status: 200 }\n`).join("")}`;
    const never = (...matches: string[]) =>
      oneError(routes(...matches), `${matches.length * 2}:5 routes.${matches.length - 1}.match`, /never reached/);
    const fine = (...matches: string[]) => assert.deepEqual(errorsOf(routes(...matches)), []);
    never("{ path: /a }", "{ path: /a }");
    never("{ path: /a, methods: [GET] }", "{ path: /a, methods: [HEAD] }");
    never('{ path: "/*" }', "{ path: /a, host: x.example }");
    never('{ path: "/api/*" }', "{ path: /api/a/b }");
    never('{ path: "/api/*" }', "{ path: /api }");
    never('{ path: "/items/:id" }', '{ path: "/items/:name" }');
    never('{ path: "/items/:id" }', "{ path: /items/5 }");
    never("{ path: /a, host: X.example }", "{ path: /a, host: x.example }");
    fine("{ path: /a, methods: [GET] }", "{ path: /a }");
    fine("{ path: /a, host: x.example }", "{ path: /a }");
    fine("{ path: /api/a }", '{ path: "/api/*" }');
    fine('{ path: "/items/:id" }', '{ path: "/items/*" }');
    fine('{ path: "/items/:id" }', "{ path: /items/5/parts }");
    fine('{ path: "/api/*" }', "{ path: /apis }");
  });

  test("the ops listener beyond loopback needs a token", () => {
    oneError(`${MINIMAL}ops:\n  host: 0.0.0.0\n`, "7:9 ops.host", /refused: "0.0.0.0" is beyond loopback/);
    const token = `tokens: [{ name: x, role: read, token: ${TOKEN} }]`;
    assert.deepEqual(errorsOf(`${MINIMAL}ops:\n  host: 0.0.0.0\n  ${token}\n`), []);
    for (const host of ["localhost", "127.0.0.2", '"::1"']) {
      assert.deepEqual(errorsOf(`${MINIMAL}ops:\n  host: ${host}\n`), []);
    }
  });

  test("every token is its own, long enough, and never shown", () => {
    const ops = (...tokens: string[]) =>
      `${MINIMAL}ops:\n  tokens:\n${tokens.map((token, i) => `    - { name: n${i}, role: read, token: "${token}" }\n`).join("")}`;
    oneError(ops(TOKEN, TOKEN), "9:38 ops.tokens.1.token", /the same token as in ops.tokens.0/);
    oneError(ops("too-short"), "8:38 ops.tokens.0.token", /at least 32 characters/);
    for (const error of [...errorsOf(ops(TOKEN, TOKEN)), ...errorsOf(ops("too-short"))]) {
      assert.ok(!error.includes(TOKEN) && !error.includes("too-short"));
    }
  });

  test("h2c and tls exclude each other, and two listeners need two ports", () => {
    oneError(`${MINIMAL}listen:\n  tls: { cert: c, key: k }\n  h2c: true\n`, "8:3 listen.h2c", /take out either/);
    oneError(`${MINIMAL}ops:\n  port: 8080\n`, "7:9 ops.port", /both 8080/);
  });

  test("all errors come at once, in the order of the file", () => {
    const text = `listen:\n  prot: 1\n  bodyTimeout: 5\n  host: \${NOWHERE}\nroutes:\n  - match: { path: /a }\n    dependency: b\n`;
    assert.deepEqual(
      errorsOf(text).map((error) => error.split(" - ")[0]),
      [
        "f.yaml:2:3 listen.prot",
        "f.yaml:3:16 listen.bodyTimeout",
        "f.yaml:4:9 listen.host",
        "f.yaml:7:17 routes.0.dependency",
      ],
    );
  });
});

suite("the environment", () => {
  test("a missing variable is an error at its place", () => {
    oneError(`${MINIMAL}listen:\n  host: \${HOST}\n`, "7:9 listen.host", /HOST is not set .*\$\{HOST:-\.\.\.\}/);
    oneError(`${MINIMAL}listen:\n  host: \${HOST:?ask Jo}\n`, "7:9 listen.host", /HOST is not set: ask Jo/);
  });

  test("an unquoted expression becomes what it says, a quoted one stays text", () => {
    const port = (text: string, env: Record<string, string>) =>
      parseConfig(`${MINIMAL}listen:\n  port: ${text}\n`, "f.yaml", env).listen.port;
    assert.equal(port("${PORT}", { PORT: "81" }), 81);
    assert.equal(port("${PORT:-82}", {}), 82);
    oneError(
      `${MINIMAL}listen:\n  port: "\${PORT}"\n`,
      "7:9 listen.port",
      /expected a number, got the value of \$\{PORT\}/,
      {
        PORT: "81",
      },
    );
  });

  test("a value is not shown in an error: it may be a secret in the wrong place", () => {
    const errors = errorsOf(`${MINIMAL}drain:\n  timeout: \${T}\nlisten:\n  port: \${T}\n`, { T: "hunter2secret" });
    assert.equal(errors.length, 2);
    for (const error of errors) assert.ok(!error.includes("hunter2secret") && error.includes("${T}"), error);
  });
});

suite("contradictions are warnings", () => {
  test("a tier that others can write to asks for a secret, where answers are kept at all", () => {
    const cached = `${MINIMAL}    cache: origin\n`;
    const redis = "redis: { url: redis://127.0.0.1:1 }\n";
    const cache = (more: string) => `cache: { postgres: { url: "postgres://127.0.0.1:1/x" }${more} }\n`;
    assert.match(warningsOf(cached + redis).join(), / redis - keeps answers without a seal: .*set cache\.secret/);
    assert.match(warningsOf(cached + cache("")).join(), / cache\.postgres - keeps answers without a seal/);
    assert.deepEqual(warningsOf(cached + redis + cache(", secret: sixteen-letters-or-more")), []);
    assert.deepEqual(warningsOf(MINIMAL + redis), []);
    assert.deepEqual(warningsOf(cached), []);
  });

  const withTimeout = (timeout: string) => MINIMAL.replace(" } }", ` }, timeout: ${timeout} }`);

  test("with the place of the one that was written", () => {
    assert.deepEqual(warningsOf(withTimeout("25s")), [
      "f.yaml:2:63 dependencies.a.timeout - is longer than drain.timeout (20s): a drain may cut requests that the dependency would still have answered",
    ]);
    assert.match(warningsOf(`${MINIMAL}drain: { timeout: 3s }\n`)[0]!, /^f.yaml:6:19 drain.timeout - is shorter than/);
    assert.match(warningsOf(`${MINIMAL}listen: { requestTimeout: 3s }\n`)[0]!, /^f.yaml:6:27 listen.requestTimeout/);
    assert.match(
      warningsOf(`${MINIMAL}    timeout: 30s\n`)[0]!,
      /^f.yaml:6:14 routes.0.timeout - is longer than drain/,
    );
    assert.match(
      warningsOf(withTimeout("1s, connectTimeout: 3s"))[0]!,
      /:83 dependencies.a.connectTimeout - is longer/,
    );
  });

  test("a dependency or a class without a route, a proxy block that trusts everyone", () => {
    const unused = MINIMAL.replace("routes:", '  b: { http: { targets: ["http://b"] } }\nroutes:');
    assert.deepEqual(warningsOf(unused), ["f.yaml:3:3 dependencies.b - no route uses this dependency"]);
    const idle = `${MINIMAL}cache: { classes: { hot: { memory: 8MiB } } }\n`;
    assert.match(warningsOf(idle)[0]!, /cache.classes.hot - no route is of this class/);
    assert.match(warningsOf(`${MINIMAL}listen: { trustedProxies: [0.0.0.0/0] }\n`)[0]!, /:28 listen.trustedProxies.0/);
  });
});

suite("a plain object", () => {
  const plain = {
    dependencies: { a: { http: { targets: ["http://a"] } } },
    routes: [{ match: { path: "/*" }, dependency: "a" }],
  };

  test("is checked alike, without places and without the environment", () => {
    assert.equal(validateConfig(plain).config.routes[0]!.name, "route-1");
    assert.throws(
      () =>
        validateConfig({
          ...plain,
          listen: { prot: 1, host: "${HOST}" },
          routes: [{ match: { path: "/" }, dependency: "b" }],
        }),
      (thrown: unknown) => {
        assert.ok(thrown instanceof ConfigError);
        assert.deepEqual(thrown.issues.map(issueLine), [
          'config:0:0 listen.prot - unknown key "prot": did you mean "port"?',
          'config:0:0 routes.0.dependency - there is no dependency "b": did you mean "a"?',
        ]);
        return true;
      },
    );
  });

  test("of any shape is a configuration or a ConfigError", () => {
    fc.assert(
      fc.property(fc.anything(), (input) => {
        try {
          validateConfig(input);
        } catch (thrown) {
          assert.ok(thrown instanceof ConfigError);
        }
      }),
    );
  });

  test("is left as it was, not frozen", () => {
    validateConfig(plain);
    assert.ok(!Object.isFrozen(plain) && !Object.isFrozen(plain.dependencies.a));
  });
});

suite("any text", () => {
  const words = [
    "routes",
    "dependencies",
    "listen",
    "a",
    "http",
    "targets",
    "match",
    "path",
    "/*",
    "http://a",
    "5s",
    "1",
  ];
  const marks = [
    ": ",
    "\n",
    "\n  ",
    "- ",
    "{",
    "}",
    "[",
    "]",
    ", ",
    '"',
    "&a ",
    "*a ",
    "${X}",
    "${",
    "|",
    "? ",
    "#",
    "---\n",
    "!",
  ];
  const yamlLike = fc.array(fc.constantFrom(...words, ...marks), { maxLength: 60 }).map((parts) => parts.join(""));
  const edited = fc
    .tuple(fc.nat(MINIMAL.length), fc.nat(20), fc.oneof(fc.string(), fc.constantFrom(...marks)))
    .map(([at, length, put]) => MINIMAL.slice(0, at) + put + MINIMAL.slice(at + length));

  test("gives a frozen configuration or errors that each have a place", () => {
    fc.assert(
      fc.property(fc.oneof(fc.string({ unit: "binary" }), yamlLike, edited), (text) => {
        const lines = text.split("\n").length;
        try {
          assert.ok(Object.isFrozen(parseConfig(text, "f", {})));
        } catch (thrown) {
          if (!(thrown instanceof ConfigError)) throw thrown;
          assert.ok(thrown.issues.length > 0);
          for (const { line, column } of thrown.issues) {
            assert.ok(line >= 1 && line <= lines && column >= 1, `${line}:${column}`);
          }
        }
      }),
      { numRuns: 1000 },
    );
  });
});

suite("a file", () => {
  test("that is missing, a directory, too large or not UTF-8 says so", async () => {
    const directory = await mkdtemp(join(tmpdir(), "spillway-"));
    try {
      const refused = (path: string, says: RegExp) =>
        assert.rejects(loadConfigFile(path, {}), (thrown) => thrown instanceof UsageError && says.test(thrown.message));
      const file = join(directory, "spillway.yaml");
      await refused(file, /spillway\.yaml does not exist$/);
      await refused(join(file, "below"), /does not exist$/);
      await refused(directory, /is a directory/);
      await writeFile(file, "#".repeat(1024 * 1024 + 1));
      await refused(file, /larger than 1 MiB/);
      await writeFile(file, Buffer.from([0x61, 0xff]));
      await assert.rejects(loadConfigFile(file, {}), /spillway\.yaml:1:1 \(file\) - is not UTF-8/);
      await writeFile(file, MINIMAL);
      assert.equal((await loadConfigFile(file, {})).file, file);
      await writeFile(file, `\uFEFFlisten: 1\n${MINIMAL}`);
      await assert.rejects(loadConfigFile(file, {}), /spillway\.yaml:1:9 listen - /, "a byte order mark is no column");
    } finally {
      await rm(directory, { recursive: true });
    }
  });
});
