import assert from "node:assert/strict";
import { rename, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { createReloader } from "../../../src/cluster/reloader.ts";
import { fileSource, type ConfigSource } from "../../../src/config/source.ts";
import { systemClock, type Clock } from "../../../src/core/clock.ts";
import { createEventBus } from "../../../src/core/events.ts";
import { temporaryDirectory } from "../../support/directory.ts";
import { until } from "../../support/wait.ts";

/** The system's clock with a poll that is due at once. */
const polling: Clock = { ...systemClock, every: (_ms, callback) => systemClock.every(5, callback) };

const answering = (body: string): string =>
  JSON.stringify({ routes: [{ name: "all", match: { path: "/*" }, respond: { status: 200, body } }] });

/** A file and what reloads it; `meanwhile` runs once, when a change was seen and before the file is read for it. */
async function watched(file: string, meanwhile: () => Promise<void>) {
  const source = fileSource(file, {});
  const first = await source.load();
  let met = false;
  const late: ConfigSource = {
    ...source,
    async load() {
      if (!met) {
        met = true;
        await meanwhile();
      }
      return source.load();
    },
  };
  const reloader = createReloader({
    source: late,
    first,
    clock: polling,
    bus: createEventBus("reloader-test"),
    apply: () => {},
  });
  reloader.watch();
  return reloader;
}

const body = (reloader: ReturnType<typeof createReloader>): string | undefined =>
  reloader.current().config.routes[0]?.respond?.body;

test("a file that is away when it is read for a change is read again when it is back, though its content is the same", async (t) => {
  await using directory = await temporaryDirectory();
  const file = join(directory.path, "gateway.yaml");
  await writeFile(file, answering("one"));
  const reloader = await watched(file, async () => {
    await rename(file, `${file}.away`);
    systemClock.after(30, () => void rename(`${file}.away`, file));
  });
  t.after(() => reloader.close());
  await writeFile(`${file}.new`, answering("two"));
  await rename(`${file}.new`, file);
  await until(() => body(reloader) === "two", { timeoutMs: 30_000, what: "the change is applied" });
});

test("content that is there only while the file is read for a change does not stay in force", async (t) => {
  await using directory = await temporaryDirectory();
  const file = join(directory.path, "gateway.yaml");
  const put = async (text: string): Promise<void> => {
    await writeFile(`${file}.new`, text);
    await rename(`${file}.new`, file);
  };
  await writeFile(file, answering("one"));
  const reloader = await watched(file, async () => {
    await put(answering("three"));
    systemClock.after(30, () => void put(answering("two")));
  });
  t.after(() => reloader.close());
  await put(answering("two"));
  await until(() => body(reloader) === "three", {
    timeoutMs: 30_000,
    what: "what was there when it was read is applied",
  });
  await until(() => body(reloader) === "two", { timeoutMs: 30_000, what: "what is there now is applied" });
  await rm(file);
  assert.equal(body(reloader), "two");
});
