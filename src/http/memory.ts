import { getHeapStatistics, setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import type { Clock } from "../core/clock.ts";

/** What a process uses, in octets. */
export interface MemoryReading {
  /** Resident: what a limit of the operating system or a container counts. */
  readonly rss: number;
  /** In use by objects and buffers, garbage included. What lies between it and `rss` can be used again without growing. */
  readonly live: number;
  /** Share of V8's heap limit that is used, garbage included: at 1 the process is ended. */
  readonly heap: number;
}

/** Who is refused for want of memory: nobody, everyone below `critical`, or everyone, new connections among them. */
export type MemoryRefusal = "none" | "most" | "all";

/** Shares of the limit: `most` begins at the first and ends below the second, `all` begins at the third. */
const MOST = 0.8;
const RELIEF = 0.72;
const ALL = 0.9;
/** Memory that only stayed resident after a burst is no reason to refuse: so much of the limit must really be in use. */
const IN_USE = 0.4;
/** Milliseconds between two readings: a burst must not fill a fifth of the limit unseen. Below {@link HALF} of it four times that. */
const EVERY_MS = 25;
const HALF = 0.5;
/** Milliseconds between two collections of garbage while memory is short: doubled up to the second as long as they do not help. */
const COLLECT_EVERY_MS = 250;
const COLLECT_AT_LEAST_MS = 32_000;

/** Who is refused at a reading, given who was so far. `limit` in octets. */
export function refusalFor({ rss, live, heap }: MemoryReading, limit: number, before: MemoryRefusal): MemoryRefusal {
  const resident = live / limit < IN_USE ? 0 : rss / limit;
  const used = Math.max(resident, heap);
  if (used < (before === "none" ? MOST : RELIEF)) return "none";
  return used >= ALL ? "all" : "most";
}

/** Keeps a process below its memory limit by refusing new work before it is reached (security rule F11). */
export interface MemoryGuard {
  readonly refusal: MemoryRefusal;
  close(): void;
}

/** The process as a guard sees it. */
export interface ProcessMemory {
  /** Resident octets: cheap enough to be read often. */
  rss(): number;
  /** See {@link MemoryReading.heap}: as cheap. */
  heap(): number;
  /** Both figures: some 0.2 ms. */
  read(): MemoryReading;
  /** Frees what is garbage now. Buffers that nobody holds would else wait for V8 to need their memory, not us. */
  collect(): void;
}

/** `limit` in octets; `memory` is read every {@link EVERY_MS}. */
export function createMemoryGuard(clock: Clock, limit: number, memory: ProcessMemory): MemoryGuard {
  let refusal: MemoryRefusal = "none";
  let collectAt = Number.NEGATIVE_INFINITY;
  let pause = COLLECT_EVERY_MS;
  let calm = 0;
  const stop = clock.every(EVERY_MS, () => {
    if (calm-- > 0) return;
    const used = Math.max(memory.rss() / limit, memory.heap());
    if (used < RELIEF) {
      calm = used < HALF ? 3 : 0;
      pause = COLLECT_EVERY_MS;
      refusal = "none";
      return;
    }
    let reading = memory.read();
    if (Math.max(reading.rss / limit, reading.heap) < MOST) pause = COLLECT_EVERY_MS;
    else if (clock.now() >= collectAt) {
      const { live: before, heap: heapBefore } = reading;
      memory.collect();
      reading = memory.read();
      const enough = (1 - MOST) * 0.1;
      const helped = before - reading.live > enough * limit || heapBefore - reading.heap > enough;
      pause = helped ? COLLECT_EVERY_MS : Math.min(pause * 2, COLLECT_AT_LEAST_MS);
      collectAt = clock.now() + pause;
    }
    refusal = refusalFor(reading, limit, refusal);
  });
  return {
    get refusal() {
      return refusal;
    },
    close: stop,
  };
}

/** This process. */
export function createProcessMemory(): ProcessMemory {
  let collect: (() => void) | undefined;
  const heap = (): number => {
    const { used_heap_size: used, heap_size_limit: most } = getHeapStatistics();
    return used / most;
  };
  return {
    rss: () => process.memoryUsage.rss(),
    heap,
    read() {
      const { rss, heapUsed, external } = process.memoryUsage();
      return { rss, live: heapUsed + external, heap: heap() };
    },
    collect() {
      if (!collect) {
        setFlagsFromString("--expose-gc");
        collect = runInNewContext("gc") as () => void;
        setFlagsFromString("--no-expose-gc");
      }
      collect();
    },
  };
}

/** Octets that `processes` alike may use each: their container's limit, else the machine's memory, in equal parts. */
export function memoryLimit(machine: number, processes: number): number {
  const contained = process.constrainedMemory();
  return (contained > 0 && contained < machine ? contained : machine) / processes;
}
