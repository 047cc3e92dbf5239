import { z } from "zod";
import type { Control } from "../core/control.ts";
import type { OpsCall } from "./call.ts";

export function drain(control: Control): readonly OpsCall[] {
  return [
    {
      method: "POST",
      path: "/ops/drain",
      access: "admin",
      summary: "Takes no new work, finishes the old and ends the process",
      answers: {
        202: {
          description: "Draining, from now or already",
          contentType: "application/json",
          schema: z.object({ life: z.enum(["starting", "ready", "draining", "stopped"]) }),
        },
      },
      run() {
        const before = control.life();
        control.drain();
        const after = control.life();
        return { kind: "json", status: 202, body: { life: after }, change: { before, after } };
      },
    },
  ];
}
