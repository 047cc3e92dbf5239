import { type FSWatcher, watch as watchDirectory } from "node:fs";
import { realpath, stat } from "node:fs/promises";
import { basename, dirname } from "node:path";
import type { Cancel, Clock } from "../core/clock.ts";
import { contentHash, readBounded } from "./load.ts";

/** Changes come in bursts: the file is read once they have paused for so long. */
const PAUSE_MS = 100;
/** For file systems that tell of no change, and while a directory cannot be watched. */
const POLL_MS = 2000;

export interface WatchOptions {
  readonly file: string;
  readonly clock: Clock;
  /** Hash of the content that was taken over, or refused, last; undefined when it could not be read. Another one is a change. */
  readonly taken: () => string | undefined;
  /** Takes the file over; looked at again only when that is done, and until `taken` says so. Must not throw or reject. */
  readonly changed: () => Promise<unknown>;
  /** Stands in for `fs.watch`. */
  readonly watch?: typeof watchDirectory;
}

/** A watch under way. */
export interface ConfigWatch {
  /** Nothing is called any more, not even for a change already seen. */
  close(): void;
}

/**
 * Tells when the content of a file has changed, however that came about: written in place, replaced by a rename,
 * deleted and made again, or by the swap of a symbolic link on its way as Kubernetes does for a ConfigMap. Directories
 * are watched, never the file itself, whose inode is gone after a replacement. A missing file is no change.
 */
export function watchConfigFile(options: WatchOptions): ConfigWatch {
  return new FileWatch(options);
}

/** `again` = something happened while the file was being read. */
type Reading = "idle" | "reading" | "again" | "closed";

interface WatchedDirectory {
  readonly watcher: FSWatcher;
  /** A directory made again under its old name has another one. */
  readonly inode: number;
}

class FileWatch implements ConfigWatch {
  readonly #options: WatchOptions;
  readonly #directories = new Map<string, WatchedDirectory>();
  readonly #stopPolling: Cancel;
  #pause: Cancel = () => {};
  #reading: Reading = "idle";
  #realName: string;

  constructor(options: WatchOptions) {
    this.#options = options;
    this.#realName = basename(options.file);
    this.#stopPolling = options.clock.every(POLL_MS, () => this.#look());
    this.#look();
  }

  close(): void {
    this.#reading = "closed";
    this.#pause();
    this.#stopPolling();
    for (const { watcher } of this.#directories.values()) watcher.close();
    this.#directories.clear();
  }

  #look(): void {
    if (this.#reading === "reading") this.#reading = "again";
    if (this.#reading !== "idle") return;
    this.#reading = "reading";
    void this.#read();
  }

  /** Watches first, then reads: a change in between is seen by the one or the other. */
  async #read(): Promise<void> {
    await this.#watchDirectories();
    const hash = await readBounded(this.#options.file).then(contentHash, () => undefined);
    if (this.#state() === "closed") return;
    if (hash !== undefined && hash !== this.#options.taken()) await this.#options.changed();
    const state = this.#state();
    if (state === "closed") return;
    this.#reading = "idle";
    if (state === "again") this.#look();
  }

  /** The state as others may have changed it meanwhile. */
  #state(): Reading {
    return this.#reading;
  }

  /** The directory that the name stands in, and the one that the file really lies in. */
  async #watchDirectories(): Promise<void> {
    const { file } = this.#options;
    const real = await realpath(file).catch(() => file);
    this.#realName = basename(real);
    const wanted = new Map<string, number>();
    for (const directory of new Set([dirname(file), dirname(real)])) {
      const found = await stat(directory).catch(() => undefined);
      if (found) wanted.set(directory, found.ino);
    }
    if (this.#state() === "closed") return;
    for (const [directory, { watcher, inode }] of this.#directories) {
      if (wanted.get(directory) === inode) continue;
      watcher.close();
      this.#directories.delete(directory);
    }
    for (const [directory, inode] of wanted) if (!this.#directories.has(directory)) this.#watch(directory, inode);
  }

  /** A directory that cannot be watched is left to the polling, which tries again each time. */
  #watch(directory: string, inode: number): void {
    const { watch = watchDirectory } = this.#options;
    let watcher: FSWatcher;
    try {
      watcher = watch(directory, { persistent: false }, (_event, name) => this.#happened(name));
    } catch {
      return;
    }
    watcher.on("error", () => {
      watcher.close();
      if (this.#directories.get(directory)?.watcher === watcher) this.#directories.delete(directory);
    });
    this.#directories.set(directory, { watcher, inode });
  }

  /** Other files of a busy directory are nothing to us; `..data` is the link that Kubernetes swaps. */
  #happened(name: string | null): void {
    const concerns =
      name === null || name === basename(this.#options.file) || name === this.#realName || name.startsWith("..");
    if (!concerns || this.#reading === "closed") return;
    this.#pause();
    this.#pause = this.#options.clock.after(PAUSE_MS, () => this.#look(), "background");
  }
}
