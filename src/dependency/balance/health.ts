import { Client, type Dispatcher } from "undici";
import type { Cancel, Clock, Random } from "../../core/clock.ts";
import type { HealthSettings } from "./settings.ts";

/** Octets of an answer to a check; a longer one is bad. */
const MOST_BODY = 65_536;

/** Asks once; resolves whether it was good. Never rejects. */
export type Check = () => Promise<boolean>;

/** What checks in a row make of a target: as many bad ones take it out, as many good ones bring it back. */
export class Verdict {
  healthy = true;
  #against = 0;
  readonly #needs: Pick<HealthSettings, "healthy" | "unhealthy">;

  constructor(needs: Pick<HealthSettings, "healthy" | "unhealthy">) {
    this.#needs = needs;
  }

  heard(good: boolean): boolean {
    if (good === this.healthy) this.#against = 0;
    else if (++this.#against >= this.#needs[good ? "healthy" : "unhealthy"]) {
      this.healthy = good;
      this.#against = 0;
    }
    return this.healthy;
  }
}

interface CheckingParts {
  readonly clock: Clock;
  readonly random: Random;
  readonly settings: HealthSettings;
  readonly check: Check;
  readonly heard: (healthy: boolean) => void;
}

/** Checks one target time and again until it is cancelled, beside the traffic: no limit counts it. The first is soon. */
export function keepChecking({ clock, random, settings, check, heard }: CheckingParts): Cancel {
  const verdict = new Verdict(settings);
  let ended = false;
  let timer: Cancel;
  const later = (): number => settings.interval * (0.9 + 0.2 * random());
  const run = (): void => {
    void check().then((good) => {
      if (ended) return;
      heard(verdict.heard(good));
      timer = clock.after(later(), run, "background");
    });
  };
  // Not all targets of all processes at once.
  timer = clock.after(Math.min(1000, settings.interval) * random(), run, "background");
  return () => {
    ended = true;
    timer();
  };
}

interface Asked {
  readonly path: string;
  readonly host: string;
  readonly servername: string | undefined;
}

/** Sends a GET on a connection of its own and waits for the whole answer. */
export function createCheck(open: () => Client, asked: Asked, settings: HealthSettings, clock: Clock): Check {
  const isGood = (status: number): boolean => settings.statuses?.includes(status) ?? (status >= 200 && status < 300);
  return () =>
    new Promise((resolve) => {
      const client = open();
      const settle = (good: boolean): void => {
        cancel();
        resolve(good);
        void client.destroy();
      };
      const cancel = clock.after(settings.timeout, () => settle(false), "background");
      const { path, host, servername } = asked;
      const headers = ["host", host, "user-agent", "Spillway-Health", "accept", "*/*"];
      const options: Dispatcher.DispatchOptions & { servername?: string } = { path, method: "GET", headers };
      if (servername) options.servername = servername;
      let good = false;
      let octets = 0;
      try {
        client.dispatch(options, {
          onRequestStart() {},
          onResponseStart(_controller, status) {
            good = isGood(status);
          },
          onResponseData(_controller, chunk) {
            octets += chunk.length;
            if (octets > MOST_BODY) settle(false);
          },
          onResponseEnd: () => settle(good),
          onResponseError: () => settle(false),
        });
      } catch {
        settle(false);
      }
    });
}
