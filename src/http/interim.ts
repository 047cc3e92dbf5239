import type { ServerResponse } from "node:http";
import type { HeaderList } from "../core/headers.ts";

/** 103 goes on as it came; no other interim answer has a meaning beyond one hop. */
export function passInterim(response: ServerResponse, status: number, fields: HeaderList): void {
  if (status !== 103 || response.headersSent || response.destroyed) return;
  const hints: Record<string, string | string[]> = {};
  for (let i = 0; i < fields.length; i += 2) {
    const name = fields[i]!.toLowerCase();
    if (name === "link") hints["link"] = [...[hints["link"] ?? []].flat(), fields[i + 1]!];
  }
  if (hints["link"]) response.writeEarlyHints(hints);
}
