/** The chart of an experiment. */
import type { Experiment } from "./experiment.ts";
import { medians, type Result } from "./results.ts";
import { edges, SHARES } from "./schedule.ts";
import { type Chart, type Line, svg } from "./svg.ts";
import { goodputAt, successAt } from "./theory.ts";

export function chartOf(experiment: Experiment, results: readonly Result[]): string {
  const charts = experiment.chart === "sweep" ? sweep(results) : course(experiment, results);
  return svg(`${experiment.id}: ${experiment.title}`, charts);
}

const peersOf = (results: readonly Result[]): string[] => [...new Set(results.map(({ peer }) => peer))];

function sweep(results: readonly Result[]): Chart[] {
  const loads = [...new Set(results.map(({ plan }) => plan.load))].toSorted((a, b) => a - b);
  const most = loads.at(-1)!;
  const fine = Array.from({ length: 101 }, (_, i) => (i / 100) * most);
  const lines = (head: string, of: (value: number, load: number) => number): Line[] =>
    peersOf(results).map((name) => ({
      name,
      points: results
        .filter(({ peer }) => peer === name)
        .map((one): [number, number] => [one.plan.load, of(medians(one)[head]!, one.plan.load)])
        .toSorted(([a], [b]) => a - b),
    }));
  const theory = (of: (load: number) => number): Line => ({
    name: "best possible",
    theory: true,
    points: fine.map((load) => [load, of(load)]),
  });
  const x = "offered load, in capacities";
  return [
    {
      title: "useful answers, % of the capacity",
      x,
      y: "%",
      top: 110,
      marks: true,
      lines: [theory((load) => 100 * goodputAt(load)), ...lines("goodput %", (value, load) => value * goodputAt(load))],
    },
    {
      title: "critical requests answered, %",
      x,
      y: "%",
      top: 110,
      marks: true,
      lines: [theory((load) => 100 * successAt(load, SHARES)[0]!), ...lines("critical %", (value) => value)],
    },
    recoveryStrip(results, loads.includes(3) ? 3 : most),
  ];
}

/** Over time at one load: how soon each is back. */
function recoveryStrip(results: readonly Result[], load: number): Chart {
  const of = results.filter(({ plan }) => plan.load === load);
  return {
    title: `useful answers a second over time at ${load}x`,
    x: "seconds",
    y: "a second",
    lines: of.map(overTime),
  };
}

function overTime({ peer, course: { step, useful } }: Result): Line {
  return { name: peer, points: useful.map((value, i) => [((i + 0.5) * step) / 1000, value]) };
}

function course({ ideal }: Experiment, results: readonly Result[]): Chart[] {
  const [first] = results;
  if (first === undefined) return [];
  const { plan } = first;
  const end = edges(plan.phases).at(-1)!;
  const at = Array.from({ length: 401 }, (_, i) => (i / 400) * end);
  const best: Line[] =
    ideal === undefined
      ? []
      : [{ name: "best possible", theory: true, points: at.map((ms) => [ms / 1000, ideal(plan, ms)]) }];
  const critical = results.map(({ peer, course: { step, critical: values } }): Line => {
    return { name: peer, points: smooth(values, 4).map((value, i) => [((i + 0.5) * step) / 1000, 100 * value]) };
  });
  const limits = results
    .filter(({ samples }) => samples.some(({ limit }) => Number.isFinite(limit)))
    .map(({ peer, samples }): Line => ({
      name: peer,
      points: samples.map(({ at: second, limit }) => [second, limit]),
    }));
  return [
    { title: "useful answers a second", x: "seconds", y: "a second", lines: [...best, ...results.map(overTime)] },
    {
      title: "critical requests answered, %, by when they were asked",
      x: "seconds",
      y: "%",
      top: 110,
      lines: critical,
    },
    ...(limits.length > 0
      ? [{ title: "limit: seats at the dependency", x: "seconds", y: "seats", lines: limits }]
      : []),
  ];
}

/** Mean of the last `count` values that exist. */
function smooth(values: readonly number[], count: number): number[] {
  return values.map((_, i) => {
    const some = values.slice(Math.max(0, i - count + 1), i + 1).filter((value) => Number.isFinite(value));
    return some.length === 0 ? Number.NaN : some.reduce((sum, value) => sum + value, 0) / some.length;
  });
}
