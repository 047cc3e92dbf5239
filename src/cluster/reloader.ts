import type { Clock } from "../core/clock.ts";
import type { Control, ReloadResult } from "../core/control.ts";
import { ConfigError, issueLine, toError } from "../core/errors.ts";
import type { EventBus } from "../core/events.ts";
import type { Config } from "../config/schema.ts";
import type { ConfigSource, ReadyConfig } from "../config/source.ts";
import { watchConfigFile } from "../config/watch.ts";

/** Keeps the configuration in force and puts another in its place, one reload at a time. */
export interface Reloader {
  /** In force. */
  current(): ReadyConfig;
  /** For `GET /ops/config`. */
  view(): ReturnType<Control["config"]>;
  reload(): Promise<ReloadResult>;
  /** Reloads whenever the file changes, until closed. */
  watch(): void;
  close(): void;
}

interface ReloaderParts {
  readonly source: ConfigSource;
  readonly first: ReadyConfig;
  readonly clock: Clock;
  readonly bus: EventBus;
  /** Puts a configuration in force. What it throws keeps the last good one. */
  readonly apply: (next: ReadyConfig) => Promise<void> | void;
}

export function createReloader({ source, first, clock, bus, apply }: ReloaderParts): Reloader {
  let current = first;
  let loadedAt = new Date(clock.wall()).toISOString();
  let queue: Promise<unknown> = Promise.resolve();
  let stopWatching: (() => void) | undefined;

  const attempt = async (): Promise<ReloadResult> => {
    try {
      const next = await source.load();
      if (next.hash === current.hash) return { outcome: "unchanged", hash: next.hash };
      const needsRestart = restartOnly(current.config, next.config);
      await apply(next);
      current = next;
      loadedAt = new Date(clock.wall()).toISOString();
      return { outcome: "applied", hash: next.hash, needsRestart };
    } catch (thrown) {
      const errors = thrown instanceof ConfigError ? thrown.issues.map(issueLine) : [toError(thrown).message];
      return { outcome: "refused", errors };
    }
  };
  const reload = async (): Promise<ReloadResult> => {
    const result = await attempt();
    bus.publish("spillway:reload", {
      outcome: result.outcome,
      hash: current.hash,
      errors: result.outcome === "refused" ? result.errors : [],
    });
    return result;
  };
  const queued = (): Promise<ReloadResult> => {
    const turn = queue.then(reload);
    queue = turn.catch(() => {});
    return turn;
  };
  return {
    current: () => current,
    view: () => ({ hash: current.hash, file: source.file, loadedAt, config: current.config }),
    reload: queued,
    watch() {
      const { file } = source;
      if (file === undefined) return;
      const watch = watchConfigFile({ file, clock, taken: source.lastRead, changed: queued });
      stopWatching = () => watch.close();
    },
    close() {
      stopWatching?.();
    },
  };
}

/** Keys under `listen` and `ops` that differ and take effect only at the next start. */
export function restartOnly(before: Config, after: Config): readonly string[] {
  const changed: string[] = [];
  for (const section of ["listen", "ops"] as const) {
    const old: Readonly<Record<string, unknown>> = before[section];
    for (const [key, value] of Object.entries(after[section])) {
      const live = section === "listen" && (key === "accessLog" || key === "trustedProxies");
      if (!live && JSON.stringify(old[key]) !== JSON.stringify(value)) changed.push(`${section}.${key}`);
    }
  }
  return changed;
}
