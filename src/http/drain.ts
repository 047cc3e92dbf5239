import type { Clock } from "../core/clock.ts";
import type { EventBus } from "../core/events.ts";
import type { EdgeServer } from "./server.ts";
import type { DrainSettings } from "./settings.ts";

interface DrainParts {
  readonly server: EdgeServer;
  readonly clock: Clock;
  readonly bus: EventBus;
  /** Exchanges that have not ended. */
  readonly open: () => number;
}

/** Goes on serving for `delay`, then takes nothing new, then cuts what `timeout` has not ended. Milliseconds. */
export async function drainServer({ server, clock, bus, open }: DrainParts, pace: DrainSettings): Promise<void> {
  server.announceDrain();
  bus.publish("spillway:drain", { phase: "announced", open: open() });
  await new Promise<void>((resolve) => void clock.after(pace.delay, resolve));
  bus.publish("spillway:drain", { phase: "closing", open: open() });
  const finished = server.finish();
  const stopWaiting = clock.after(pace.timeout, () => {
    bus.publish("spillway:drain", { phase: "cut", open: open() });
    server.cut();
  });
  await finished;
  stopWaiting();
  bus.publish("spillway:drain", { phase: "done", open: open() });
}
