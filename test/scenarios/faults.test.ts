import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { startClosedLoop } from "../support/closed-loop.ts";
import { oneRoute, startCommand } from "../support/command.ts";
import { startOrigin } from "../support/raw-origin.ts";
import { deadline, until } from "../support/wait.ts";

/** Loaded before the command: throws, or rejects, each time the process gets SIGUSR2. */
const faulty = `data:text/javascript,${encodeURIComponent(`
  let count = 0;
  process.on("SIGUSR2", () => {
    count += 1;
    if (count % 2) throw new Error("planted " + count);
    void Promise.reject(new Error("planted " + count));
  });
`)}`;

suite("what nobody caught", () => {
  test("is logged and counted, the process serves on; more than ten a minute drain it, exit code 1", async () => {
    await using origin = await startOrigin((_request, response) => void response.end("ok"));
    const drain = { delay: "300ms", timeout: "2s" };
    await using command = await startCommand(oneRoute(origin.url, { drain }), { preload: faulty });
    const load = startClosedLoop(command.port, 4);
    await until(() => load.served > 20, { timeoutMs: 60_000, what: "load runs" });
    const faults = () => command.lines.filter(({ event }) => event === "fault");
    const metrics = async (): Promise<string> => (await fetch(`http://127.0.0.1:${command.opsPort}/metrics`)).text();
    const counted = async (): Promise<number> => {
      const found = (await metrics()).matchAll(/^spillway_faults_total\{.*\} (\d+)$/gm);
      return Array.from(found, ([, count]) => Number(count)).reduce((sum, count) => sum + count, 0);
    };
    for (let count = 1; count <= 10; count++) {
      command.child.kill("SIGUSR2");
      await until(async () => (await counted()) >= count, { what: `fault ${count} is counted` });
    }
    await until(() => faults().length >= 10, { what: () => `ten faults are logged; ${faults().length} are` });
    const wheres = faults().map(({ where }) => where);
    assert.ok(wheres.includes("uncaughtException") && wheres.includes("unhandledRejection"), wheres.join());
    assert.match(await metrics(), /spillway_faults_total\{where="uncaughtException"\} 5/);
    assert.equal((await fetch(`http://127.0.0.1:${command.opsPort}/readyz`)).status, 200);
    // Sends nothing new once it drains, as behind a load balancer.
    await load.stop();
    command.child.kill("SIGUSR2");
    assert.equal(await deadline(command.exited, 60_000, "the end of the process"), 1);
    assert.deepEqual(load.lost, []);
  });
});

test("a log pipe that nobody reads leaves traffic alone; lost lines are counted", async (t) => {
  await using origin = await startOrigin((_request, response) => void response.end("ok"));
  const listen = { accessLog: true };
  await using command = await startCommand(oneRoute(origin.url, { listen }), { log: "blocked" });
  const load = startClosedLoop(command.port, 16);
  const dropped = async (): Promise<number> => {
    const text = await (await fetch(`http://127.0.0.1:${command.opsPort}/metrics`)).text();
    return Number(/^spillway_log_lines_dropped_total (\d+)/m.exec(text)?.[1] ?? 0);
  };
  const lost = await until(dropped, { timeoutMs: 60_000, what: () => `lines are dropped; ${load.served} served` });
  const { served } = load;
  await until(() => load.served > served + 500, { timeoutMs: 60_000, what: "load runs on" });
  await load.stop();
  t.diagnostic(`${load.served} served, ${lost} lines dropped`);
  assert.deepEqual(load.lost, []);
});
