/** The figures that most experiments take, under one head each. */
import { quantile } from "../statistics.ts";
import type { Measures } from "./experiment.ts";
import type { Run } from "./run.ts";
import { CLASSES } from "./schedule.ts";
import { type Span, dueIn, goodput, latencies, share, success, useful } from "./tally.ts";

const percent = (part: number): number => part * 100;

/** Success by class, times of useful answers of the first class and of refusals, of what fell due within the span. */
export function byClass({ attempts }: Run, span: Span): Measures {
  const due = dueIn(attempts, span);
  const critical = due.filter((one) => one.class === 0);
  const ok = latencies(critical, ["ok", "stale"]);
  const refused = latencies(due, ["refused"]);
  const success100 = CLASSES.map((name, rank) => [
    `${name} %`,
    percent(success(due.filter((one) => one.class === rank))),
  ]);
  return {
    ...(Object.fromEntries(success100) as Measures),
    "critical p50 ms": quantile(ok, 0.5),
    "critical p99 ms": quantile(ok, 0.99),
    "refused %": percent(share(due, "refused")),
    "timeout %": percent(share(due, "timeout")),
    "refusal p50 ms": quantile(refused, 0.5),
    "refusal p99 ms": quantile(refused, 0.99),
  };
}

/** Useful answers within the span, in percent of the best possible, which is `ideal` a second. */
export function goodputOf({ attempts }: Run, span: Span, ideal: number): Measures {
  return { "goodput %": percent(goodput(attempts, span) / ideal) };
}

/** Work of the dependencies over the whole run that nobody got anything of, in percent of all they did. */
export function wasted({ attempts, figures }: Run): Measures {
  const served = figures.reduce((sum, one) => sum + one.served, 0);
  return { "wasted %": served === 0 ? Number.NaN : percent(Math.max(0, 1 - attempts.filter(useful).length / served)) };
}

/** Of the gateway a request, and how late the generator was: what says whether a run is to be believed. */
export function costs({ attempts, cpuMicros }: Run): Measures {
  const late = attempts.map((one) => one.late);
  return { "CPU us": cpuMicros / attempts.length, "late p99 ms": quantile(late, 0.99) };
}
