/** What the primary and its workers tell each other. Both are of one package, so the messages carry no version. */
import { z } from "zod";
import type { ReadyConfig } from "../config/source.ts";
import type { BreakerAnswer, BreakerAsk } from "../core/breaker-control.ts";
import type { CacheAnswer, CacheAsk } from "../core/cache-control.ts";
import type { Decision, DecisionsAsk } from "../core/decisions.ts";
import type { LimitsReading } from "../core/limits-control.ts";
import type { DependencyReading, WeightOrder } from "../core/dependency-reading.ts";
import type { Desks, Lent } from "./seat-exchange.ts";
import type { MetricsJson } from "../telemetry/metrics.ts";

/** The part of a configuration that a worker needs. */
export type WorkerConfig = Pick<ReadyConfig, "config" | "material" | "hash">;

/**
 * How several processes come to listen on one port. `reuse-port`: each has a socket of its own and the kernel deals
 * out connections. `handle`: all accept from one socket, for platforms without the former.
 */
export type PortSharing = "reuse-port" | "handle";

/** `id` tells questions apart; the answer carries it back. */
export type ToWorker =
  | {
      readonly kind: "start";
      readonly config: WorkerConfig;
      /** Our name in Via and CDN-Loop, the same in all workers. */
      readonly name: string;
      readonly port: number;
      /** Which of the workers it is, from 0. */
      readonly process: number;
      readonly sharing: PortSharing;
      readonly version: string;
    }
  | { readonly kind: "ping" }
  /** Another worker purged this: see the event of that name. */
  | { readonly kind: "purged"; readonly purge: string }
  | { readonly kind: "ask"; readonly id: number; readonly question: Question }
  /** Seats of other workers it may use, by dependency; negative: it has lent so many. */
  | { readonly kind: "lent"; readonly lent: Lent }
  | { readonly kind: "drain" };

export type Question =
  | { readonly kind: "metrics" }
  | { readonly kind: "limits" }
  | { readonly kind: "dependencies" }
  | { readonly kind: "breaker"; readonly ask: BreakerAsk }
  | { readonly kind: "weight"; readonly order: WeightOrder }
  | { readonly kind: "cache"; readonly ask: CacheAsk }
  | { readonly kind: "decisions"; readonly ask: DecisionsAsk }
  /** Build it, use nothing of it. */
  | { readonly kind: "prepare"; readonly config: WorkerConfig }
  /** Use what was prepared; done already if that is in force. */
  | { readonly kind: "commit"; readonly hash: string }
  | { readonly kind: "abort" };

export type Answer =
  | { readonly kind: "done" }
  | { readonly kind: "metrics"; readonly metrics: MetricsJson }
  | { readonly kind: "dependencies"; readonly readings: readonly DependencyReading[] }
  | { readonly kind: "breaker"; readonly answer: BreakerAnswer }
  | { readonly kind: "weight"; readonly found: boolean }
  | { readonly kind: "cache"; readonly answer: CacheAnswer }
  | { readonly kind: "decisions"; readonly decisions: readonly Decision[] }
  | { readonly kind: "limits"; readonly reading: LimitsReading }
  | { readonly kind: "failed"; readonly message: string };

export type FromWorker =
  | { readonly kind: "serving"; readonly hash: string; readonly port: number }
  /** It cannot serve, for a reason that an operator has to mend. */
  | { readonly kind: "failed"; readonly message: string }
  | { readonly kind: "pong"; readonly open: number; readonly leftOut: readonly string[] }
  /** What it has to lend, and what it would borrow. */
  | { readonly kind: "desks"; readonly desks: Desks }
  /** For the other workers. */
  | { readonly kind: "purged"; readonly purge: string }
  /** It takes nothing new and ends by itself: a successor may start at once. */
  | { readonly kind: "leaving" }
  | { readonly kind: "answer"; readonly id: number; readonly answer: Answer };

/** Characters of a text, and metrics in a reading. */
const MOST_TEXT = 4096;
const MOST_METRICS = 1000;
const MOST_DECISIONS = 1000;
/** Characters of a purge: its names are bounded where they are taken. */
const MOST_PURGE = 2 ** 22;

const text = z.string().max(MOST_TEXT);
const count = z.int().min(0);

/** Whether it is an object with a word under this key: what is asked of caches, and answered, was made by us. */
const says = (value: unknown, key: string): boolean =>
  typeof value === "object" && value !== null && typeof (value as Record<string, unknown>)[key] === "string";

const metricJson = z.looseObject({ name: text, type: text, values: z.array(z.looseObject({})) });

const decision = z.custom<Decision>((value) => says(value, "id"));
const dependencyJson = z.custom<DependencyReading>((value) => says(value, "name"));

const breakerAnswer = z.custom<BreakerAnswer>((value) => typeof value === "object" && value !== null);

const answerSchema = z.discriminatedUnion("kind", [
  z.strictObject({ kind: z.literal("done") }),
  z.strictObject({ kind: z.literal("metrics"), metrics: z.array(metricJson).max(MOST_METRICS) }),
  z.strictObject({ kind: z.literal("dependencies"), readings: z.array(dependencyJson) }),
  z.strictObject({ kind: z.literal("breaker"), answer: breakerAnswer }),
  z.strictObject({ kind: z.literal("weight"), found: z.boolean() }),
  z.strictObject({ kind: z.literal("cache"), answer: z.custom<CacheAnswer>((value) => says(value, "did")) }),
  z.strictObject({ kind: z.literal("decisions"), decisions: z.array(decision).max(MOST_DECISIONS) }),
  z.strictObject({ kind: z.literal("limits"), reading: z.custom<LimitsReading>((value) => says(value, "store")) }),
  z.strictObject({ kind: z.literal("failed"), message: text }),
]);

const purged = z.strictObject({ kind: z.literal("purged"), purge: z.string().max(MOST_PURGE) });

const fromWorkerSchema = z.discriminatedUnion("kind", [
  z.strictObject({ kind: z.literal("serving"), hash: text, port: count.max(65_535) }),
  z.strictObject({ kind: z.literal("failed"), message: text }),
  z.strictObject({ kind: z.literal("pong"), open: count, leftOut: z.array(text).max(16) }),
  z.strictObject({
    kind: z.literal("desks"),
    desks: z.record(text, z.strictObject({ own: count, wants: z.array(count).length(5) })),
  }),
  purged,
  z.strictObject({ kind: z.literal("leaving") }),
  z.strictObject({ kind: z.literal("answer"), id: count, answer: answerSchema }),
]);

const workerConfig = z.custom<WorkerConfig>(
  (value) =>
    z.looseObject({ config: z.looseObject({}), material: z.looseObject({}), hash: text }).safeParse(value).success,
);

const decisionsAsk = z.custom<DecisionsAsk>(
  (value) => z.looseObject({ limit: count.max(MOST_DECISIONS) }).safeParse(value).success,
);

const questionSchema = z.discriminatedUnion("kind", [
  z.strictObject({ kind: z.literal("metrics") }),
  z.strictObject({ kind: z.literal("limits") }),
  z.strictObject({ kind: z.literal("dependencies") }),
  z.strictObject({ kind: z.literal("breaker"), ask: z.custom<BreakerAsk>((value) => says(value, "dependency")) }),
  z.strictObject({ kind: z.literal("weight"), order: z.custom<WeightOrder>((value) => says(value, "target")) }),
  z.strictObject({ kind: z.literal("cache"), ask: z.custom<CacheAsk>((value) => says(value, "do")) }),
  z.strictObject({ kind: z.literal("decisions"), ask: decisionsAsk }),
  z.strictObject({ kind: z.literal("prepare"), config: workerConfig }),
  z.strictObject({ kind: z.literal("commit"), hash: text }),
  z.strictObject({ kind: z.literal("abort") }),
]);

const toWorkerSchema = z.discriminatedUnion("kind", [
  z.strictObject({
    kind: z.literal("start"),
    config: workerConfig,
    name: text,
    port: count.max(65_535),
    process: count,
    sharing: z.enum(["reuse-port", "handle"]),
    version: text,
  }),
  z.strictObject({ kind: z.literal("ping") }),
  purged,
  z.strictObject({ kind: z.literal("ask"), id: count, question: questionSchema }),
  z.strictObject({ kind: z.literal("lent"), lent: z.record(text, z.int()) }),
  z.strictObject({ kind: z.literal("drain") }),
]);

/** Undefined when it is none of ours: a library in the process may use the same pipe. */
export const readFromWorker = (message: unknown): FromWorker | undefined => fromWorkerSchema.safeParse(message).data;

/** As {@link readFromWorker}. What a configuration says was checked by the primary and is not checked again. */
export const readToWorker = (message: unknown): ToWorker | undefined => toWorkerSchema.safeParse(message).data;

/** A text that is short enough to be sent. */
export const fitText = (long: string): string => long.slice(0, MOST_TEXT);
