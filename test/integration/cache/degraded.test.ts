import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { startCommand } from "../../support/command.ts";
import { startOrigin } from "../../support/raw-origin.ts";
import { redisMissing, startRedis } from "../../support/redis.ts";
import { until } from "../../support/wait.ts";

suite("C13: readiness tells of a tier that is left out, and stays", { skip: redisMissing }, () => {
  for (const workers of [1, 2]) {
    test(`with ${workers} ${workers === 1 ? "process" : "workers"}`, async () => {
      await using redis = await startRedis();
      await using origin = await startOrigin((_request, response) => {
        response.setHeader("Cache-Control", "max-age=60");
        response.end("an answer");
      });
      await using command = await startCommand({
        listen: { workers },
        redis: { url: redis.url },
        dependencies: { origin: { http: { targets: [origin.url] } } },
        routes: [{ name: "all", match: { path: "/*" }, dependency: "origin", cache: "origin" }],
      });
      const ready = async (): Promise<string> => {
        const answer = await fetch(`http://127.0.0.1:${command.opsPort}/readyz?verbose`);
        assert.equal(answer.status, 200);
        return answer.text();
      };
      let asked = 0;
      const ask = async (): Promise<void> => {
        const answer = await fetch(`http://127.0.0.1:${command.port}/${++asked}`);
        assert.equal([answer.status, await answer.text()].join(" "), "200 an answer");
      };
      await ask();
      assert.doesNotMatch(await ready(), /degraded/);
      redis.pause();
      await until(
        async () => {
          await ask();
          return (await ready()).includes("degraded: cache tier redis is left out\n");
        },
        { timeoutMs: 20_000, what: "readiness tells of Redis" },
      );
      redis.resume();
      await until(
        async () => {
          await ask();
          return !(await ready()).includes("degraded: cache tier redis");
        },
        { timeoutMs: 20_000, what: "readiness is whole again" },
      );
    });
  }
});
