import type { Control, Life } from "../core/control.ts";
import type { Answer, OpsCall, Reply } from "./call.ts";

/**
 * `livez`: the event loop turns. `startupz`: the start is over. `readyz`: send traffic; false only before the start is
 * over and while draining, never because a dependency is down, or all instances would leave at once.
 */
export function probes(control: Control): readonly OpsCall[] {
  return [
    probe(control, "/livez", "Whether the process answers", () => true),
    probe(control, "/readyz", "Whether to send traffic", (life) => life === "ready"),
    probe(control, "/startupz", "Whether the start is over", (life) => life !== "starting"),
    {
      method: "GET",
      path: "/metrics",
      access: "open",
      summary: "Metrics of all processes, added up",
      answers: { 200: { description: "Prometheus text", contentType: "text/plain" } },
      async run() {
        const { contentType, text } = await control.metrics();
        return { kind: "text", status: 200, contentType, text };
      },
    },
  ];
}

const plain = (description: string): Answer => ({ description, contentType: "text/plain" });

function probe(control: Control, path: string, summary: string, holds: (life: Life) => boolean): OpsCall {
  return {
    method: "GET",
    path,
    access: "open",
    summary,
    query: { verbose: "Present: one line a check" },
    answers: { 200: plain("Yes"), 503: plain("No") },
    run({ query }): Reply {
      const life = control.life();
      const ok = holds(life);
      const lines = query.has("verbose") ? [`life ${life}`, ...control.checks()] : [];
      const text = `${[...lines, ok ? "ok" : life].join("\n")}\n`;
      return { kind: "text", status: ok ? 200 : 503, contentType: "text/plain; charset=utf-8", text };
    },
  };
}
