import { request, type IncomingHttpHeaders } from "node:http";
import type { TestContext } from "node:test";
import type { CacheAnswer, CacheAsk, EntryReading } from "../../../src/core/cache-control.ts";
import type { Control, Life, ReloadResult } from "../../../src/core/control.ts";
import { createEventBus, type Fault } from "../../../src/core/events.ts";
import type { PlanReading } from "../../../src/core/warming.ts";
import { createOps } from "../../../src/ops/app.ts";
import type { AuditEntry } from "../../../src/ops/audit.ts";
import { opsSettings, type OpsRole } from "../../../src/ops/settings.ts";
import { decisionOf } from "../../support/decision.ts";
import { endedExchange } from "../../support/ended-exchange.ts";
import { ManualClock } from "../../support/manual-clock.ts";

export const roles: readonly OpsRole[] = ["read", "operate", "admin"];
export const tokenOf = (role: OpsRole): string => `${role}-secret-`.padEnd(48, "0123456789");

export const allTokens = roles.map((role) => ({ name: `the-${role}`, role, token: tokenOf(role) }));

export interface Answered {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly text: string;
}

export interface Ask {
  readonly method?: string;
  readonly path?: string;
  readonly headers?: Readonly<Record<string, string | string[]>>;
  readonly body?: string;
  readonly from?: string;
}

/** An ops listener on a free port with a control of straw, and what it did. */
export async function startOps(t: TestContext, settings: object = {}, control: Partial<Control> = {}) {
  const clock = new ManualClock();
  const audited: AuditEntry[] = [];
  const faults: Fault[] = [];
  const state: { life: Life; reloads: number; drains: number; reload: ReloadResult } = {
    life: "ready",
    reloads: 0,
    drains: 0,
    reload: applied,
  };
  const bus = createEventBus("ops-test");
  t.after(bus.subscribe("spillway:fault", (fault) => faults.push(fault)));
  const straw: Control = {
    life: () => state.life,
    checks: () => ["event-loop ok", "workers 2/2"],
    config: () => ({ hash: "before", file: "spillway.yaml", loadedAt: "2026-01-01T00:00:00Z", config: configured }),
    metrics: async () => ({ contentType: "text/plain; version=0.0.4; charset=utf-8", text: "up 1\n" }),
    cache: async (ask) => ({ answers: [strawAnswer(ask)], silent: 0 }),
    decisions: async () => ({ decisions: [strawDecision], processes: 1, silent: 0 }),
    limits: async () => ({ readings: [], silent: 0 }),
    dependencies: async () => ({ answers: [], silent: 0 }),
    breaker: async ({ hold }) => ({
      answers: [{ changed: { before: "closed", after: hold?.state ?? "closed" } }],
      silent: 0,
    }),
    reweigh: async () => ({ found: 1, processes: 1, silent: 0 }),
    webhookSecret: () => undefined,
    reload: async () => {
      state.reloads += 1;
      return state.reload;
    },
    drain() {
      state.drains += 1;
      state.life = "draining";
    },
    ...control,
  };
  const ops = createOps({
    control: straw,
    settings: opsSettings.parse({ port: 0, ...settings }),
    clock,
    bus,
    audit: (entry) => audited.push(entry),
    version: "1.2.3",
  });
  const { port } = await ops.listen();
  t.after(() => ops.close());
  const ask = (what: Ask = {}): Promise<Answered> => send(port, what);
  return { ask, port, clock, audited, faults, state, ops };
}

const strawDecision = decisionOf({ ...endedExchange(), gateway: "ops-test" }, 0);

const ledger = { position: 1, tags: 1, urls: 0, bans: 0, floor: { soft: 0, hard: 0 } };

/** One entry, whatever the key, and nothing else. */
function strawAnswer(ask: CacheAsk): CacheAnswer {
  switch (ask.do) {
    case "read": {
      const moved = { demoted: 0, notDemoted: 0, notPromoted: 0 };
      const none = { removed: {}, notStored: {}, lifetimes: [], flights: 0, used: [], missed: [], moved };
      const nothing = { tiers: [], classes: [], routes: [], ...none };
      return { did: "read", reading: { ...nothing, ledger } };
    }
    case "tags":
      return { did: "tags", tags: { ledger, top: [], purged: [] } };
    case "entries":
      return { did: "entries", entries: [strawEntry(ask.key)] };
    case "warm":
      return { did: "warm", taken: "queued", total: 2 };
    case "plans":
      return { did: "plans", plans: [strawPlan] };
    case "cancel-plan":
      return { did: "cancel-plan", cancelled: true };
    case "purge": {
      const report = { tags: ask.order.tags, refused: [], cascade: { depth: 0, count: 0 }, matched: 1, exact: true };
      return { did: "purge", report: { ...report, position: 1 } };
    }
  }
}

const strawPlan: PlanReading = {
  id: "start",
  state: { at: "running", startedAt: 0 },
  total: 2,
  done: 0,
  skipped: 0,
  notStored: 0,
  failed: 1,
  failures: [{ url: "/a?token=visible", why: "status 500" }],
};

export const strawEntry = (key: string): EntryReading => ({
  tier: "memory",
  key,
  url: "http://shop.example/a?token=visible",
  status: 200,
  headers: ["Content-Type", "text/plain", "Set-Cookie", "session=visible", "X-Upstream", "Bearer visible-token"],
  vary: "Authorization",
  variant: "visible",
  tags: ["a"],
  createdAt: 0,
  keepUntil: 1e300,
  lastAccessAt: undefined,
  hits: 3,
  bodyBytes: 5,
  bytes: 600,
  buildMs: 7,
  standing: "current",
});

/** What a call takes; undefined for one without a body. */
export const bodyFor = (path: string, method: string): string | undefined => {
  if (path.endsWith("/weights")) return JSON.stringify({ target: "http://127.0.0.1:3001", weight: 1, reason: "test" });
  if (method === "PUT") return JSON.stringify({ state: "isolated", reason: "test" });
  if (method !== "POST") return undefined;
  if (path === "/ops/cache/warm") return JSON.stringify({ urls: ["/a"] });
  return path === "/ops/cache/purge" ? JSON.stringify({ tags: ["a"] }) : undefined;
};

const applied: ReloadResult = { outcome: "applied", hash: "after", needsRestart: ["listen.port"] };

/** As a careless control would hand it out. */
const configured = { ops: { tokens: allTokens }, redis: { url: `redis://:${tokenOf("admin")}@cache` } };

export const bearer = (role: OpsRole): { Authorization: string } => ({ Authorization: `Bearer ${tokenOf(role)}` });

function send(port: number, { method = "GET", path = "/", headers = {}, body, from }: Ask): Promise<Answered> {
  return new Promise((resolve, reject) => {
    const sent = request(
      { host: "127.0.0.1", port, method, path, headers, agent: false, ...(from && { localAddress: from }) },
      (res) => {
        let text = "";
        res.setEncoding("utf8").on("data", (chunk: string) => (text += chunk));
        res.on("end", () => resolve({ status: res.statusCode ?? 0, headers: res.headers, text }));
        res.on("error", reject);
      },
    );
    sent.on("error", reject);
    sent.end(body);
  });
}
