import assert from "node:assert/strict";
import { EventEmitter, once } from "node:events";
import { type FSWatcher, type watch as fsWatch } from "node:fs";
import { mkdir, readFile, rename, rm, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { suite, test, type TestContext } from "node:test";
import { contentHash } from "../../../src/config/load.ts";
import { watchConfigFile } from "../../../src/config/watch.ts";
import { type Clock, systemClock } from "../../../src/core/clock.ts";
import { temporaryDirectory } from "../../support/directory.ts";

const DEADLINE_MS = 10_000;

/** The system's clock without polling: what is seen was told by the file system. */
const withoutPolling: Clock = { ...systemClock, every: () => () => {} };

/** The system's clock with a poll that is due at once. */
const polling: Clock = { ...systemClock, every: (_ms, callback) => systemClock.every(5, callback) };

/** Takes over what a watch tells of, one by one. */
class Told {
  readonly #file: string;
  readonly #hashes: string[] = [];
  readonly #arrived = new EventEmitter();
  #taken: string | undefined;

  constructor(file: string, content = "") {
    this.#file = file;
    this.#taken = contentHash(content);
  }

  readonly taken = (): string | undefined => this.#taken;

  readonly changed = async (): Promise<void> => {
    this.#taken = await readFile(this.#file).then(contentHash, () => undefined);
    if (this.#taken === undefined) return;
    this.#hashes.push(this.#taken);
    this.#arrived.emit("hash");
  };

  /** Waits for the next change and expects it to be this content; what came before it in pieces does not count. */
  async expect(content: string): Promise<void> {
    const wanted = contentHash(content);
    const deadline = new AbortController();
    // Unlike the watch itself, this timer keeps the process alive.
    const cancel = systemClock.after(DEADLINE_MS, () => deadline.abort());
    while (!this.#hashes.includes(wanted)) await once(this.#arrived, "hash", { signal: deadline.signal });
    cancel();
    this.#hashes.splice(0, this.#hashes.indexOf(wanted) + 1);
  }

  get pending(): number {
    return this.#hashes.length;
  }
}

async function directoryOf(t: TestContext): Promise<string> {
  const directory = await temporaryDirectory();
  t.after(() => directory[Symbol.asyncDispose]());
  return directory.path;
}

function watching(t: TestContext, file: string, content: string, clock: Clock, watch?: typeof fsWatch): Told {
  const told = new Told(file, content);
  const started = watchConfigFile({
    file,
    clock,
    taken: told.taken,
    changed: told.changed,
    ...(watch ? { watch } : {}),
  });
  t.after(() => started.close());
  return told;
}

suite("a watched file", () => {
  test("that changed before the watch began is told at once", async (t) => {
    const file = join(await directoryOf(t), "spillway.yaml");
    await writeFile(file, "new");
    await watching(t, file, "old", withoutPolling).expect("new");
  });

  test("is followed when it is written, replaced, deleted and made again", async (t) => {
    const directory = await directoryOf(t);
    const file = join(directory, "spillway.yaml");
    await writeFile(file, "1");
    const told = watching(t, file, "0", withoutPolling);
    await told.expect("1");
    await writeFile(file, "2");
    await told.expect("2");
    await writeFile(join(directory, "new"), "3");
    await rename(join(directory, "new"), file);
    await told.expect("3");
    await rm(file);
    await writeFile(file, "4");
    await told.expect("4");
    assert.equal(told.pending, 0);
  });

  test("is followed through the link swap of a ConfigMap", async (t) => {
    const directory = await directoryOf(t);
    const publish = async (name: string, content: string) => {
      await mkdir(join(directory, name));
      await writeFile(join(directory, name, "spillway.yaml"), content);
      await symlink(name, join(directory, "..data_tmp"));
      await rename(join(directory, "..data_tmp"), join(directory, "..data"));
    };
    const file = join(directory, "spillway.yaml");
    await publish("..2026_01", "1");
    await symlink(join("..data", "spillway.yaml"), file);
    const told = watching(t, file, "0", withoutPolling);
    await told.expect("1");
    await publish("..2026_02", "2");
    await rm(join(directory, "..2026_01"), { recursive: true });
    await told.expect("2");
    await publish("..2026_03", "3");
    await told.expect("3");
  });

  test("is followed where a link leads to another directory", async (t) => {
    const directory = await directoryOf(t);
    const elsewhere = await directoryOf(t);
    await writeFile(join(elsewhere, "real.yaml"), "1");
    await symlink(join(elsewhere, "real.yaml"), join(directory, "spillway.yaml"));
    const told = watching(t, join(directory, "spillway.yaml"), "0", withoutPolling);
    await told.expect("1");
    await writeFile(join(elsewhere, "real.yaml"), "2");
    await told.expect("2");
  });

  test("that is written again with the same content is no change", async (t) => {
    const file = join(await directoryOf(t), "spillway.yaml");
    await writeFile(file, "1");
    const told = watching(t, file, "0", withoutPolling);
    await told.expect("1");
    await rm(file);
    await writeFile(file, "1");
    // Put in place whole, so that nothing but the two contents can be seen.
    await writeFile(`${file}.new`, "2");
    await rename(`${file}.new`, file);
    await told.expect("2");
    assert.equal(told.pending, 0);
  });

  test("whose directory comes later is found by polling, and then watched", async (t) => {
    const directory = join(await directoryOf(t), "later");
    const file = join(directory, "spillway.yaml");
    const told = watching(t, file, "0", polling);
    await mkdir(directory);
    await writeFile(file, "1");
    await told.expect("1");
    await writeFile(file, "2");
    await told.expect("2");
  });

  test("is polled where the file system tells nothing, or fails while it is watched", async (t) => {
    const file = join(await directoryOf(t), "spillway.yaml");
    await writeFile(file, "1");
    const refuses = (() => {
      throw new Error("ENOSPC: no watches left");
    }) as unknown as typeof fsWatch;
    const fails = (() => {
      const watcher = Object.assign(new EventEmitter(), { close() {} });
      queueMicrotask(() => watcher.emit("error", new Error("EMFILE")));
      return watcher as unknown as FSWatcher;
    }) as unknown as typeof fsWatch;
    const all = [refuses, fails].map((watch) => watching(t, file, "0", polling, watch));
    await Promise.all(all.map((told) => told.expect("1")));
    await writeFile(file, "2");
    await Promise.all(all.map((told) => told.expect("2")));
  });

  test("that nobody watches any more is left alone", async (t) => {
    const file = join(await directoryOf(t), "spillway.yaml");
    await writeFile(file, "1");
    const closed = new Told(file);
    const clock = polling;
    watchConfigFile({ file, clock, taken: closed.taken, changed: closed.changed }).close();
    const told = watching(t, file, "0", clock);
    await told.expect("1");
    await writeFile(file, "2");
    await told.expect("2");
    assert.equal(closed.pending, 0);
  });
});
