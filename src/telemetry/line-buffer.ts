import type { Clock } from "../core/clock.ts";
import type { Sink, SinkFailure } from "./sink.ts";

/** Lines on their way to a sink: gathered into chunks, written one after the other, dropped when there is no room. */
export interface LineBuffer {
  /** False when the line was dropped. Never blocks, never throws. */
  add(line: string): boolean;
  /** Lines that will never be written, so far. */
  dropped(): number;
  /** Resolves once all lines are written, or after `patience` when the sink takes none. Adds after it are dropped. */
  close(): Promise<void>;
}

export interface LineBufferSettings {
  /** Characters that wait at most; what comes beyond is dropped. */
  readonly most: number;
  /** Characters that are written at once instead of with the next flush. */
  readonly eager: number;
  /** Milliseconds between flushes of what waits. */
  readonly flushEvery: number;
  /** Milliseconds that {@link LineBuffer.close} waits. */
  readonly patience: number;
}

export const lineBufferDefaults: LineBufferSettings = {
  most: 1 << 20,
  eager: 65_536,
  flushEvery: 100,
  patience: 1000,
};

/** `closing` and `closed` take no lines; `broken` is a sink that nobody reads any more. */
type State = "open" | "closing" | "closed" | "broken";

export function createLineBuffer(sink: Sink, clock: Clock, settings = lineBufferDefaults): LineBuffer {
  let state: State = "open";
  let dropped = 0;
  let onIdle: (() => void) | undefined;
  let waiting = emptyBatch();
  /** Of the one write under way; no lines: none is. */
  let writing = emptyBatch();

  const idle = (): boolean => writing.lines === 0 && waiting.lines === 0;
  const drop = (batch: Batch): Batch => {
    dropped += batch.lines;
    return emptyBatch();
  };
  const flush = (): void => {
    if (writing.lines > 0 || waiting.lines === 0 || state === "closed" || state === "broken") return;
    writing = waiting;
    waiting = emptyBatch();
    sink.write(Buffer.from(writing.text), written);
  };
  const written = (failure?: SinkFailure): void => {
    writing = failure ? drop(writing) : emptyBatch();
    if (failure?.again === "never") {
      if (state === "open") state = "broken";
      waiting = drop(waiting);
    }
    // After a failure the next flush tries again, not this one: a full disk would be tried without end.
    if (state === "closing" || (!failure && waiting.text.length >= settings.eager)) flush();
    if (idle()) onIdle?.();
  };
  const stopFlushing = clock.every(settings.flushEvery, flush);
  return {
    dropped: () => dropped,
    add(line) {
      if (state !== "open" || waiting.text.length + writing.text.length + line.length > settings.most) {
        dropped += 1;
        return false;
      }
      waiting.text += line;
      waiting.lines += 1;
      if (waiting.text.length >= settings.eager) flush();
      return true;
    },
    async close() {
      stopFlushing();
      if (state === "open") {
        state = "closing";
        flush();
        if (!idle()) await patiently(clock, settings.patience, (done) => (onIdle = done));
      }
      state = "closed";
      waiting = drop(waiting);
      writing = drop(writing);
    },
  };
}

interface Batch {
  text: string;
  lines: number;
}

const emptyBatch = (): Batch => ({ text: "", lines: 0 });

/** Resolves when `begin`'s callback is called, or after `ms`. */
function patiently(clock: Clock, ms: number, begin: (done: () => void) => void): Promise<void> {
  return new Promise((resolve) => {
    const cancel = clock.after(ms, resolve);
    begin(() => {
      cancel();
      resolve();
    });
  });
}
