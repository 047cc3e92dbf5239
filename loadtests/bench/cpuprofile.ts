/** Reads what V8 writes under --cpu-prof: who was on the CPU, and how often. */

interface ProfileNode {
  id: number;
  callFrame: { functionName: string; url: string; lineNumber: number };
}

export interface CpuProfile {
  nodes: readonly ProfileNode[];
  /** Microseconds of the monotonic clock, the same one `process.hrtime` reads. */
  startTime: number;
  samples: readonly number[];
  /** Microseconds from each sample to the one before; the first counts from `startTime`. */
  timeDeltas: readonly number[];
}

interface Hot {
  /** Function, file and line; the file without the folders above node_modules or src. */
  where: string;
  /** Of {@link SelfTime.busy}. */
  share: number;
}

export interface SelfTime {
  hot: Hot[];
  /** Microseconds in JavaScript and what it called, in the window. */
  busy: number;
  /** Microseconds V8 calls idle. Polling and reading sockets count among them, so a saturated server has some too. */
  idle: number;
}

/** Self time by function, largest first, of the samples between `from` and `until` in monotonic microseconds. */
export function selfTime(profile: CpuProfile, from = 0, until = Number.POSITIVE_INFINITY): SelfTime {
  const nodes = new Map(profile.nodes.map((node) => [node.id, node.callFrame]));
  const micros = new Map<string, number>();
  let now = profile.startTime;
  let busy = 0;
  let idle = 0;
  for (const [i, id] of profile.samples.entries()) {
    now += profile.timeDeltas[i] ?? 0;
    // A sample stands for the time until the next one.
    const spent = profile.timeDeltas[i + 1] ?? 0;
    const frame = nodes.get(id);
    if (frame === undefined || now < from || now > until) continue;
    if (frame.functionName === "(idle)") {
      idle += spent;
      continue;
    }
    const where = place(frame);
    micros.set(where, (micros.get(where) ?? 0) + spent);
    busy += spent;
  }
  const hot = [...micros].map(([where, spent]) => ({ where, share: spent / busy }));
  return { hot: hot.sort((a, b) => b.share - a.share), busy, idle };
}

function place({ functionName, url, lineNumber }: ProfileNode["callFrame"]): string {
  const name = functionName === "" ? "(anonymous)" : functionName;
  if (url === "") return name;
  const file = url.replace(/^.*\/(?=(?:node_modules|src|dist|loadtests)\/)/, "");
  return `${name} ${file}:${lineNumber + 1}`;
}
