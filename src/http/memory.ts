import type { Clock } from "../core/clock.ts";

/** What a process uses, in octets. */
export interface MemoryReading {
  /** Resident: what a limit of the operating system or a container counts. */
  readonly rss: number;
  /** In use by objects and buffers. What lies between it and `rss` can be used again without growing. */
  readonly live: number;
}

/** Who is refused for want of memory: nobody, everyone below `critical`, or everyone. */
export type MemoryRefusal = "none" | "most" | "all";

/** Shares of the limit: `most` begins at the first and ends below the second, `all` begins at the third. */
const MOST = 0.8;
const RELIEF = 0.72;
const ALL = 0.9;
/** Memory that stays resident after a burst is no reason to refuse: so much of the limit must really be in use ... */
const IN_USE = 0.5;
/** ... unless hardly anything is left. */
const BRINK = 0.95;
/** Milliseconds between two readings. */
const EVERY_MS = 100;

/** Who is refused at a reading, given who was so far. `limit` in octets. */
export function refusalFor({ rss, live }: MemoryReading, limit: number, before: MemoryRefusal): MemoryRefusal {
  const resident = rss / limit;
  if (resident >= BRINK) return "all";
  if (live / limit < IN_USE || resident < (before === "none" ? MOST : RELIEF)) return "none";
  return resident >= ALL ? "all" : "most";
}

/** Keeps a process below its memory limit by refusing new work before it is reached (security rule F11). */
export interface MemoryGuard {
  readonly refusal: MemoryRefusal;
  close(): void;
}

/** `limit` in octets; `read` is asked ten times a second. */
export function createMemoryGuard(clock: Clock, limit: number, read: () => MemoryReading): MemoryGuard {
  let refusal: MemoryRefusal = "none";
  const stop = clock.every(EVERY_MS, () => {
    refusal = refusalFor(read(), limit, refusal);
  });
  return {
    get refusal() {
      return refusal;
    },
    close: stop,
  };
}

/** This process, now. */
export function readMemory(): MemoryReading {
  const { rss, heapUsed, external } = process.memoryUsage();
  return { rss, live: heapUsed + external };
}

/** Octets that `processes` alike may use each: their container's limit, else the machine's memory, in equal parts. */
export function memoryLimit(machine: number, processes: number): number {
  const contained = process.constrainedMemory();
  return (contained > 0 && contained < machine ? contained : machine) / processes;
}
