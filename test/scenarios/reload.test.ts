import assert from "node:assert/strict";
import { mkdir, rename, rm, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { suite, test } from "node:test";
import { startClosedLoop } from "../support/closed-loop.ts";
import { commandConfig, startCommand, type RunningCommand } from "../support/command.ts";
import { startOrigin } from "../support/raw-origin.ts";
import { until } from "../support/wait.ts";

const TOKEN = "0123456789abcdef0123456789abcdef0123456789abcdef";
const ops = { tokens: [{ name: "test", role: "admin", token: TOKEN }] };

/** A configuration that differs from the others in its dependency's name and limit, so that connections change hands. */
const version = (target: string, number: number): object => ({
  ops,
  dependencies: { [`origin-${number % 2}`]: { http: { targets: [target] }, bodyTimeout: `${60 + number}s` } },
  routes: [
    { name: "all", match: { path: "/*" }, dependency: `origin-${number % 2}` },
    { name: "version", match: { host: "none.example", path: "/*" }, respond: { status: 200, body: `${number}` } },
  ].toReversed(),
});

const reloads = (command: RunningCommand) => command.lines.filter(({ event }) => event === "reload");
const authorised = { headers: { Authorization: `Bearer ${TOKEN}` } };
const hashOf = async (command: RunningCommand): Promise<string> => {
  const answer = await fetch(`http://127.0.0.1:${command.opsPort}/ops/config`, authorised);
  return ((await answer.json()) as { hash: string }).hash;
};

async function underLoad(command: RunningCommand, work: () => Promise<void>): Promise<number> {
  const load = startClosedLoop(command.port, 8);
  try {
    await until(() => load.served > 50, { timeoutMs: 60_000, what: "load runs" });
    await work();
    const { served } = load;
    await until(() => load.served > served + 50, { timeoutMs: 60_000, what: "load runs on" });
  } finally {
    await load.stop();
  }
  assert.deepEqual([load.lost, load.refused], [[], 0]);
  return load.served;
}

suite("20 reloads under load fail no request", () => {
  const start = async () => {
    const origin = await startOrigin((_request, response) => void setTimeout(() => response.end("ok"), 2));
    const command = await startCommand(version(origin.url, 0));
    return {
      origin,
      command,
      async [Symbol.asyncDispose]() {
        await command[Symbol.asyncDispose]();
        await origin.close();
      },
    };
  };

  test("through SIGHUP", async (t) => {
    await using world = await start();
    const { command, origin } = world;
    const served = await underLoad(command, async () => {
      for (let number = 1; number <= 20; number++) {
        const before = await hashOf(command);
        await command.configure(version(origin.url, number));
        command.child.kill("SIGHUP");
        await until(async () => (await hashOf(command)) !== before, { what: `reload ${number} is applied` });
      }
    });
    t.diagnostic(`${served} served`);
  });

  test("through POST /ops/config/reload; an invalid file keeps the old one and says why", async () => {
    await using world = await start();
    const { command, origin } = world;
    const post = () =>
      fetch(`http://127.0.0.1:${command.opsPort}/ops/config/reload`, {
        method: "POST",
        ...authorised,
      });
    await underLoad(command, async () => {
      for (let number = 1; number <= 20; number++) {
        await command.configure(version(origin.url, number));
        const answer = await post();
        assert.equal(answer.status, 200);
        assert.match(((await answer.json()) as { outcome: string }).outcome, /^(applied|unchanged)$/);
      }
      await writeFile(command.file, "routes: [{ match: { path: nowhere } }]\n");
      const refused = await post();
      const told = (await refused.json()) as { outcome: string; errors: string[] };
      assert.deepEqual([refused.status, told.outcome], [422, "refused"]);
      assert.ok(told.errors.some((line) => line.includes("routes.0.match.path")));
    });
    const view = await fetch(`http://127.0.0.1:${command.opsPort}/ops/config`, authorised);
    assert.ok(JSON.stringify(await view.json()).includes("origin-0"));
    await until(() => reloads(command).some(({ outcome }) => outcome === "refused"), { what: "the log tells" });
  });

  test("through the file itself: written, renamed, and swapped behind a symbolic link", async () => {
    await using origin = await startOrigin((_request, response) => void setTimeout(() => response.end("ok"), 2));
    await using command = await startCommand(version(origin.url, 0), { configMap: true });
    const next = join(command.directory, "next.yaml");
    await underLoad(command, async () => {
      for (let number = 1; number <= 20; number++) {
        const before = await hashOf(command);
        const text = commandConfig(version(origin.url, number));
        if (number % 3 === 0) await writeFile(command.file, text);
        else if (number % 3 === 1) await swap(command.directory, number, text);
        else {
          await writeFile(next, text);
          await rename(next, command.file);
          // What follows swaps the link again: the name has to be a link for that.
          await rm(command.file);
          await swap(command.directory, number, text);
          await symlink("..data/gateway.yaml", command.file);
        }
        await until(async () => (await hashOf(command)) !== before, {
          timeoutMs: 60_000,
          what: `change ${number} is applied`,
        });
      }
    });
  });
});

/** As Kubernetes does: a new directory, and one rename of the link `..data` to it. */
async function swap(directory: string, number: number, text: string): Promise<void> {
  const fresh = `..v${number}`;
  await mkdir(join(directory, fresh));
  await writeFile(join(directory, fresh, "gateway.yaml"), text);
  await symlink(fresh, join(directory, "..data_tmp"));
  await rename(join(directory, "..data_tmp"), join(directory, "..data"));
}
