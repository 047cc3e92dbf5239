import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { type Command, EXIT } from "../../../src/cli/command.ts";
import { commands } from "../../../src/cli/commands.ts";
import { dispatch } from "../../../src/cli/dispatch.ts";
import { undiciProblem } from "../../../src/cli/preflight.ts";
import { temporaryWorld } from "./world.ts";

suite("the command line", () => {
  test("without a command, and with help, lists the commands", async () => {
    using world = temporaryWorld();
    for (const argv of [[], ["help"], ["--help"], ["-h"]]) {
      const { code, out, err } = await world.run(...argv);
      assert.equal(code, EXIT.ok);
      assert.equal(err, "");
      for (const { name, summary } of commands) assert.ok(out.includes(name) && out.includes(summary));
    }
    const { out } = await world.run("help", "--json");
    const listed = JSON.parse(out) as { commands: { name: string }[] };
    assert.deepEqual(
      listed.commands.map(({ name }) => name),
      commands.map(({ name }) => name),
    );
  });

  test("explains one command", async () => {
    using world = temporaryWorld();
    for (const argv of [
      ["help", "check"],
      ["check", "--help"],
      ["check", "-h"],
    ]) {
      const { code, out } = await world.run(...argv);
      assert.equal(code, EXIT.ok);
      assert.match(out, /spillway check \[FILE\] \[--json\]/);
    }
  });

  test("tells its version", async () => {
    using world = temporaryWorld();
    assert.deepEqual(await world.run("--version"), { code: 0, out: "spillway 1.2.3\n", err: "" });
    assert.deepEqual(await world.run("version", "--json"), { code: 0, out: '{"version":"1.2.3"}\n', err: "" });
  });

  test("meets an unknown command or option with the one that was meant", async () => {
    using world = temporaryWorld();
    assert.deepEqual(await world.run("chekc"), {
      code: EXIT.usage,
      out: "",
      err: 'spillway: unknown command "chekc": did you mean "check"?\n',
    });
    assert.match((await world.run("zebra")).err, /"spillway help" lists the commands/);
    assert.match((await world.run("help", "chekc")).err, /did you mean "check"/);
    assert.match((await world.run("constructor")).err, /unknown command/);
    assert.deepEqual(await world.run("init", "--upstraem", "x"), {
      code: EXIT.usage,
      out: "",
      err: "spillway init: unknown option --upstraem: did you mean --upstream?\n",
    });
    const { code, out } = await world.run("chekc", "--json");
    assert.equal(code, EXIT.usage);
    assert.deepEqual(JSON.parse(out), {
      ok: false,
      errors: [{ message: 'unknown command "chekc": did you mean "check"?' }],
    });
  });

  test("turns what a command throws into an exit code, a fault of ours with its stack", async () => {
    let err = "";
    const broken: Command = {
      name: "broken",
      summary: "",
      usage: "",
      options: {},
      run: () => Promise.reject(new Error("a fault")),
    };
    const out = { write() {} };
    const stderr = { write: (text: string) => (err += text) };
    const io = { version: "0", stdout: out, stderr, env: {}, cwd: "/", onSignal: () => () => {} };
    assert.equal(await dispatch(["broken"], { commands: [broken], version: "0" }, io), EXIT.failure);
    assert.match(err, /^spillway broken: Error: a fault\n\s+at /);
  });
});

test("an undici that is too old is refused", () => {
  for (const version of ["7.29.0", "7.30.1", "8.0.0", "10.1.0"]) assert.equal(undiciProblem(version), undefined);
  for (const version of ["7.28.9", "6.99.0", "5.0.0"]) {
    assert.match(undiciProblem(version)!, new RegExp(`needs undici 7.29 or newer; ${version} is installed`));
  }
});
