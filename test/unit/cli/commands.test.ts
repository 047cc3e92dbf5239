import assert from "node:assert/strict";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { suite, test } from "node:test";
import { EXIT } from "../../../src/cli/command.ts";
import { configJsonSchema } from "../../../src/config/json-schema.ts";
import { temporaryWorld } from "./world.ts";

const FINE = `dependencies:
  a: { http: { targets: ["http://127.0.0.1:3001"] } }
routes:
  - match: { path: "/*" }
    dependency: a
`;

suite("spillway check", () => {
  test("says that a file is fine, and what is in it", async () => {
    using world = temporaryWorld();
    writeFileSync(join(world.cwd, "spillway.yaml"), FINE);
    const said = { code: EXIT.ok, out: "spillway.yaml: fine (1 route, 1 dependency)\n", err: "" };
    assert.deepEqual(await world.run("check"), said);
    assert.deepEqual(await world.run("check", "./spillway.yaml"), said);
    const { out } = await world.run("check", "--json");
    const { hash, ...rest } = JSON.parse(out) as { hash: string };
    assert.match(hash, /^[0-9a-f]{64}$/);
    assert.deepEqual(rest, { ok: true, file: "spillway.yaml", routes: 1, dependencies: 1, warnings: [] });
  });

  test("tells every error and its place", async () => {
    using world = temporaryWorld();
    writeFileSync(join(world.cwd, "x.yaml"), `${FINE}listen:\n  prot: 1\n  headTimeout: 5\n`);
    const { code, out, err } = await world.run("check", "x.yaml");
    assert.equal(code, EXIT.failure);
    assert.equal(out, "");
    assert.match(err, /^x\.yaml:7:3 listen\.prot - .*\nx\.yaml:8:16 listen\.headTimeout - .*\n.*check: 2 errors\n$/);
    const json = await world.run("check", "x.yaml", "--json");
    assert.equal(json.code, EXIT.failure);
    const { ok, errors } = JSON.parse(json.out) as { ok: boolean; errors: Record<string, unknown>[] };
    assert.equal(ok, false);
    assert.deepEqual(
      errors.map(({ line, column, path }) => [line, column, path]),
      [
        [7, 3, "listen.prot"],
        [8, 16, "listen.headTimeout"],
      ],
    );
  });

  test("prints warnings and passes", async () => {
    using world = temporaryWorld();
    writeFileSync(
      join(world.cwd, "x.yaml"),
      FINE.replace("routes:", '  b: { http: { targets: ["http://b"] } }\nroutes:'),
    );
    const { code, out, err } = await world.run("check", "x.yaml");
    assert.equal(code, EXIT.ok);
    assert.equal(err, "warning: x.yaml:3:3 dependencies.b - no route uses this dependency\n");
    assert.equal(out, "x.yaml: fine (1 route, 2 dependencies, 1 warning)\n");
  });

  test("reads the environment that it was given", async () => {
    using world = temporaryWorld({ PORT: "81" });
    writeFileSync(join(world.cwd, "spillway.yaml"), `${FINE}listen:\n  port: \${PORT}\n`);
    assert.equal((await world.run("check")).code, EXIT.ok);
  });

  test("takes a file that is not there, or two, for a mistake in the call", async () => {
    using world = temporaryWorld();
    mkdirSync(join(world.cwd, "conf"));
    assert.deepEqual(await world.run("check"), {
      code: EXIT.usage,
      out: "",
      err: "spillway check: spillway.yaml does not exist\n",
    });
    assert.match((await world.run("check", "conf")).err, /conf is a directory/);
    assert.equal((await world.run("check", "a", "b")).code, EXIT.usage);
  });
});

suite("spillway schema", () => {
  test("prints the schema or writes it to a file", async () => {
    using world = temporaryWorld();
    assert.deepEqual(JSON.parse((await world.run("schema")).out), configJsonSchema());
    assert.equal((await world.run("schema", "--output", "s.json")).out, "wrote s.json\n");
    assert.deepEqual(JSON.parse(readFileSync(join(world.cwd, "s.json"), "utf8")), configJsonSchema());
    assert.equal((await world.run("schema", "s.json")).code, EXIT.usage);
    assert.equal((await world.run("schema", "--output", "no/where.json")).code, EXIT.usage);
  });
});

suite("spillway init", () => {
  test("writes a file that loads", async () => {
    using world = temporaryWorld();
    const { code, out } = await world.run("init", "--upstream", "http://127.0.0.1:3000/");
    assert.equal(code, EXIT.ok);
    assert.equal(out, "wrote spillway.yaml; next: spillway start --config spillway.yaml\n");
    assert.deepEqual(await world.run("check"), {
      code: EXIT.ok,
      out: "spillway.yaml: fine (1 route, 1 dependency)\n",
      err: "",
    });
    const text = readFileSync(join(world.cwd, "spillway.yaml"), "utf8");
    assert.match(text, /targets: \["http:\/\/127\.0\.0\.1:3000"\]/);
    assert.ok(text.split("\n").length <= 15);
  });

  test("takes an origin as people type it, and tells how to go on from a checkout", async () => {
    using world = temporaryWorld({ npm_lifecycle_event: "spillway" });
    for (const [typed, origin] of [
      [":3000", "http://127.0.0.1:3000"],
      ["localhost:3000", "http://localhost:3000"],
      ["https://[::1]:3000/", "https://[::1]:3000"],
    ] as const) {
      const { code, out } = await world.run("init", "--upstream", typed, "--force");
      assert.deepEqual([code, out], [EXIT.ok, "wrote spillway.yaml; next: npm start -- --config spillway.yaml\n"]);
      assert.ok(readFileSync(join(world.cwd, "spillway.yaml"), "utf8").includes(`targets: ["${origin}"]`), typed);
    }
  });

  test("does not replace a file unless forced", async () => {
    using world = temporaryWorld();
    const file = join(world.cwd, "x.yaml");
    writeFileSync(file, "mine");
    const argv = ["init", "--upstream", "http://a:1", "--output", "x.yaml"];
    const refused = await world.run(...argv);
    assert.equal(refused.code, EXIT.usage);
    assert.match(refused.err, /x\.yaml exists already: --force replaces it/);
    assert.equal(readFileSync(file, "utf8"), "mine");
    assert.equal((await world.run(...argv, "--force", "--json")).out, '{"ok":true,"file":"x.yaml"}\n');
    assert.notEqual(readFileSync(file, "utf8"), "mine");
  });

  test("needs an origin", async () => {
    using world = temporaryWorld();
    assert.match((await world.run("init")).err, /--upstream URL is missing/);
    for (const url of ["http://a/path", "http://a:99999", "", "ftp://a", "http://a\nb: 1", "${X}"]) {
      const { code, err } = await world.run("init", "--upstream", url);
      assert.equal(code, EXIT.usage, url);
      assert.ok(err.startsWith(`spillway init: --upstream ${url}: `), err);
    }
  });
});

suite("commands without arguments", () => {
  test("take a word behind them for a mistake, and say where it belongs", async () => {
    using world = temporaryWorld();
    for (const [argv, remedy] of [
      [["start", "spillway.yaml"], "--config FILE"],
      [["demo", "x"], "takes no arguments, got x"],
      [["proxy", ":3000"], "--to ORIGIN"],
      [["init", ":3000"], "--upstream URL"],
      [["schema", "s.json"], "--output FILE"],
      [["health", "now"], "takes no arguments, got now"],
      [["status", "now"], "takes no arguments, got now"],
    ] as const) {
      const { code, out, err } = await world.run(...argv);
      assert.deepEqual([code, out], [EXIT.usage, ""], argv.join(" "));
      assert.ok(err.includes(remedy), err);
    }
  });
});

test("spillway proxy names its own option when the origin is none", async () => {
  using world = temporaryWorld();
  const { code, err } = await world.run("proxy", "--to", "http://127.0.0.1:3000/base");
  assert.equal(code, EXIT.usage);
  assert.match(err, /^spillway proxy: --to http:\/\/127\.0\.0\.1:3000\/base: expected an origin such as /);
});
