import type { Clock } from "../core/clock.ts";

/** What a process uses, in octets. */
export interface MemoryReading {
  /** Resident: what a limit of the operating system or a container counts. */
  readonly rss: number;
  /** In use by objects and buffers. What lies between it and `rss` can be used again without growing. */
  readonly live: number;
}

/** Shares of the limit: refusing begins at `refuse` and ends below `admit`. */
const REFUSE = 0.8;
const ADMIT = 0.72;
/** Memory that stays resident after a burst is no reason to refuse: so much of the limit must really be in use. */
const IN_USE = 0.5;
/** From here on resident memory alone is reason enough. */
const BRINK = 0.95;
/** Milliseconds between two readings. */
const EVERY_MS = 100;

/** Whether new requests are refused for want of memory, given whether they were so far. */
export function refusesFor({ rss, live }: MemoryReading, limit: number, refusing: boolean): boolean {
  const resident = rss / limit;
  if (resident >= BRINK) return true;
  return resident >= (refusing ? ADMIT : REFUSE) && live / limit >= IN_USE;
}

/** Keeps a process below its memory limit by refusing new work before it is reached (security rule F11). */
export interface MemoryGuard {
  readonly refusing: boolean;
  close(): void;
}

/** `limit` in octets; `read` is asked ten times a second. */
export function createMemoryGuard(clock: Clock, limit: number, read: () => MemoryReading): MemoryGuard {
  let refusing = false;
  const stop = clock.every(EVERY_MS, () => {
    refusing = refusesFor(read(), limit, refusing);
  });
  return {
    get refusing() {
      return refusing;
    },
    close: stop,
  };
}

/** This process, now. */
export function readMemory(): MemoryReading {
  const { rss, heapUsed, external } = process.memoryUsage();
  return { rss, live: heapUsed + external };
}

/** Octets this process may use: its container's limit, else the machine's memory. */
export function memoryLimit(machine: number): number {
  const contained = process.constrainedMemory();
  return contained > 0 && contained < machine ? contained : machine;
}
