import dns, { type LookupAddress } from "node:dns";
import type { LookupFunction } from "node:net";
import type { Cancel, Clock, Random } from "../../core/clock.ts";
import { toError } from "../../core/errors.ts";

/** All addresses of a name. Rejects where there are none. */
export type Resolve = (name: string) => Promise<readonly LookupAddress[]>;

/** As the system resolves names, `/etc/hosts` included. */
export const systemResolve: Resolve = (name) =>
  new Promise((resolve, reject) => {
    dns.lookup(name, { all: true }, (error, found) => (error ? reject(error) : resolve(found)));
  });

/**
 * Where the name of a target points to. A new connection asks anew; while the name cannot be resolved it goes where it
 * went before.
 */
export class Addresses {
  readonly #name: string;
  readonly #resolve: Resolve;
  #known: readonly LookupAddress[] = [];
  #turn = 0;

  constructor(name: string, resolve: Resolve) {
    this.#name = name;
    this.#resolve = resolve;
  }

  /** Those last found, as text. */
  get known(): readonly string[] {
    return this.#known.map(({ address }) => address);
  }

  /** For `connect` of sockets: all addresses, each time another one first. */
  readonly lookup: LookupFunction = (_name, options, told) => {
    void this.#find().then(
      (found) => {
        const families = options.family === 4 || options.family === 6 ? [options.family] : [4, 6];
        const fit = found.filter(({ family }) => families.includes(family));
        const at = fit.length > 0 ? this.#turn++ % fit.length : 0;
        const turned = [...fit.slice(at), ...fit.slice(0, at)];
        const [first] = turned;
        if (options.all) told(null, turned);
        else if (first) told(null, first.address, first.family);
        else told(new Error(`${this.#name} has no address of family ${options.family}`), "");
      },
      (thrown: unknown) => told(toError(thrown), ""),
    );
  };

  /** Asks anew. A name that cannot be resolved keeps the addresses it had. Never rejects. */
  async renew(): Promise<void> {
    await this.#find().catch(() => {});
  }

  async #find(): Promise<readonly LookupAddress[]> {
    try {
      const found = await this.#resolve(this.#name);
      if (found.length > 0) this.#known = found;
    } catch (thrown) {
      if (this.#known.length === 0) throw thrown;
    }
    return this.#known;
  }
}

interface RenewingParts {
  readonly clock: Clock;
  readonly random: Random;
  /** Milliseconds between two looks, give or take a tenth. */
  readonly every: number;
  readonly addresses: Addresses;
  /** Connections to any other address are to be given up. */
  readonly moved: (addresses: ReadonlySet<string>) => void;
}

/** Looks after a name time and again until it is cancelled. */
export function keepRenewing({ clock, random, every, addresses, moved }: RenewingParts): Cancel {
  let ended = false;
  let timer: Cancel;
  const wait = (): void => {
    timer = clock.after(every * (0.9 + 0.2 * random()), run, "background");
  };
  const run = (): void => {
    void addresses.renew().then(() => {
      if (ended) return;
      const { known } = addresses;
      if (known.length > 0) moved(new Set(known));
      wait();
    });
  };
  wait();
  return () => {
    ended = true;
    timer();
  };
}
