import { z } from "zod";
import type { Control, ReloadResult } from "../core/control.ts";
import { redactData } from "../core/redact.ts";
import type { OpsCall } from "./call.ts";

const shown = z.object({
  hash: z.string().describe("SHA-256 of what the configuration says, environment included"),
  file: z.string().optional(),
  loadedAt: z.string(),
  config: z.unknown().describe('Every key with its value; secrets are "[redacted]"'),
});

const reloaded = z.object({
  outcome: z.enum(["applied", "unchanged", "refused"]),
  hash: z.string().optional(),
  needsRestart: z.array(z.string()).optional().describe("Keys that changed and only a restart takes up"),
  errors: z.array(z.string()).optional().describe("Why the last good configuration stays"),
});

export function config(control: Control): readonly OpsCall[] {
  return [
    {
      method: "GET",
      path: "/ops/config",
      access: "read",
      summary: "The running configuration",
      answers: { 200: { description: "The configuration", contentType: "application/json", schema: shown } },
      run: () => ({ kind: "json", status: 200, body: redactData(control.config()) }),
    },
    {
      method: "POST",
      path: "/ops/config/reload",
      access: "admin",
      summary: "Reads the configuration again and puts it to work, or keeps the old one",
      answers: {
        200: { description: "Applied, or nothing had changed", contentType: "application/json", schema: reloaded },
        422: { description: "Refused; the old one stays", contentType: "application/json", schema: reloaded },
      },
      async run() {
        const before = control.config().hash;
        const result = await control.reload();
        return {
          kind: "json",
          status: result.outcome === "refused" ? 422 : 200,
          body: redactData(result),
          change: { before, after: hashAfter(result, before) },
        };
      },
    },
  ];
}

const hashAfter = (result: ReloadResult, before: string): string =>
  result.outcome === "refused" ? before : result.hash;
