import assert from "node:assert/strict";
import { test } from "node:test";
import type { Control } from "../../../src/core/control.ts";
import type { DependencyReading } from "../../../src/core/dependency-reading.ts";
import { dependencies } from "../../../src/ops/dependencies.ts";
import { dependencyReading } from "../../support/dependency-reading.ts";

const reading = dependencyReading();

async function retryOf(answers: readonly (readonly DependencyReading[])[]): Promise<unknown> {
  const [call] = dependencies({ dependencies: async () => ({ answers, silent: 0 }) } as unknown as Control);
  const reply = await call!.run({
    id: "",
    actor: undefined,
    params: {},
    query: new URLSearchParams(),
    body: undefined,
  });
  assert.ok(reply.kind === "json");
  assert.ok(call!.answers[200]!.schema!.safeParse(reply.body).success);
  return (reply.body as { dependencies: readonly { retry: unknown }[] }).dependencies[0]!.retry;
}

test("what is left for further tries is added up over the processes", async () => {
  const results = { recovered: 14, "no-budget": 0 };
  assert.deepEqual(await retryOf([[reading], [reading]]), {
    inFlight: 8,
    retrying: 2,
    allowed: 6,
    tokens: 5,
    most: 6,
    results,
  });
});

test("a dependency without further tries has null", async () => {
  assert.equal(await retryOf([[{ ...reading, retry: undefined }]]), null);
});
