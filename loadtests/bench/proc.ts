/** What Linux tells about a process under /proc. Parsing is apart from reading, so that it is tested without a process. */
import { readFileSync, readdirSync } from "node:fs";

/** Clock ticks a second in /proc/PID/stat: USER_HZ, 100 on every Linux that Node runs on. */
const TICKS_PER_SECOND = 100;

export interface Stat {
  pid: number;
  parent: number;
  /** User and system time in microseconds, without that of children. In steps of 10,000. */
  cpuMicros: number;
}

/** The second field is the command in brackets and may itself hold spaces and brackets: count from the last one. */
export function parseStat(text: string): Stat {
  const close = text.lastIndexOf(")");
  const fields = text.slice(close + 2).split(" ");
  const ticks = Number(fields[11]) + Number(fields[12]);
  return { pid: Number.parseInt(text, 10), parent: Number(fields[1]), cpuMicros: (ticks * 1e6) / TICKS_PER_SECOND };
}

/** Resident memory in MiB from /proc/PID/status; 0 for a process that has none left. */
export function parseResident(text: string): number {
  const line = /^VmRSS:\s+(\d+) kB$/m.exec(text);
  return line === null ? 0 : Number(line[1]) / 1024;
}

/** `root` and everything below it. */
export function descendants(stats: readonly Stat[], root: number): Stat[] {
  const found = stats.filter(({ pid }) => pid === root);
  for (const { pid } of found) found.push(...stats.filter(({ parent }) => parent === pid));
  return found;
}

export function treeOf(root: number): Stat[] {
  const stats: Stat[] = [];
  for (const entry of readdirSync("/proc")) {
    if (!/^\d+$/.test(entry)) continue;
    const text = read(`/proc/${entry}/stat`);
    if (text !== undefined) stats.push(parseStat(text));
  }
  return descendants(stats, root);
}

/** Microseconds of user and system time of the whole tree. A child that has ended takes its share along. */
export function cpuOf(root: number): number {
  return treeOf(root).reduce((sum, { cpuMicros }) => sum + cpuMicros, 0);
}

/** MiB; pages shared between processes of the tree count once a process. */
export function residentOf(root: number): number {
  return treeOf(root).reduce((sum, { pid }) => sum + parseResident(read(`/proc/${pid}/status`) ?? ""), 0);
}

/** undefined for a process that ended meanwhile. */
function read(file: string): string | undefined {
  try {
    return readFileSync(file, "utf8");
  } catch {
    return undefined;
  }
}
