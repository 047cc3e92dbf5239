import { monitorEventLoopDelay, performance } from "node:perf_hooks";

/** What one process costs. Delay and utilisation are those since the last reading. */
export interface ProcessReading {
  readonly cpuUserSeconds: number;
  readonly cpuSystemSeconds: number;
  readonly residentBytes: number;
  readonly heapUsedBytes: number;
  readonly heapTotalBytes: number;
  readonly externalBytes: number;
  /** Share of the time the event loop was busy, 0 to 1. */
  readonly loopUtilisation: number;
  readonly loopDelayMeanSeconds: number;
  readonly loopDelayP99Seconds: number;
  readonly loopDelayMaxSeconds: number;
  /** Unix seconds. */
  readonly startedAt: number;
}

export interface ProcessProbe {
  read(): ProcessReading;
  close(): void;
}

/** Milliseconds between two looks at the event loop; the readings include it, so an idle loop shows about this. */
const RESOLUTION_MS = 10;

export function createProcessProbe(): ProcessProbe {
  const delay = monitorEventLoopDelay({ resolution: RESOLUTION_MS });
  delay.enable();
  let lastUse = performance.eventLoopUtilization();
  return {
    read() {
      const cpu = process.cpuUsage();
      const memory = process.memoryUsage();
      const use = performance.eventLoopUtilization();
      const since = performance.eventLoopUtilization(use, lastUse);
      lastUse = use;
      const seconds = (nanoseconds: number): number =>
        Number.isFinite(nanoseconds) && delay.count > 0 ? nanoseconds / 1e9 : 0;
      const reading: ProcessReading = {
        cpuUserSeconds: cpu.user / 1e6,
        cpuSystemSeconds: cpu.system / 1e6,
        residentBytes: memory.rss,
        heapUsedBytes: memory.heapUsed,
        heapTotalBytes: memory.heapTotal,
        externalBytes: memory.external,
        loopUtilisation: Number.isFinite(since.utilization) ? since.utilization : 0,
        loopDelayMeanSeconds: seconds(delay.mean),
        loopDelayP99Seconds: seconds(delay.percentile(99)),
        loopDelayMaxSeconds: seconds(delay.max),
        startedAt: performance.timeOrigin / 1000,
      };
      delay.reset();
      return reading;
    },
    close() {
      delay.disable();
    },
  };
}
