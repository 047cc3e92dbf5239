import type { Cancel, Clock } from "../../core/clock.ts";
import { toError } from "../../core/errors.ts";
import type { Pool } from "./pool.ts";
import { BATCH, type TableStatements } from "./table.ts";

export interface UpkeepParts {
  readonly clock: Clock;
  /** Of its own: what lasts here keeps no request waiting. */
  readonly pool: Pick<Pool, "run">;
  readonly statements: TableStatements;
  /** Octets that the table may hold. */
  readonly maxBytes: number;
  /** Makes the table if it is missing, and writes down what was used. Called before each run and before room is made. */
  readonly before: () => Promise<void>;
  /** Whether the database can be reached; until then nothing is tried. */
  readonly isUp: () => boolean;
  /** Told of the first failure after a success, and of one in {@link TELL_EVERY} runs after that. */
  readonly failed: (error: Error) => void;
}

/** Milliseconds between two runs. */
const INTERVAL = 5000;
/** Runs from one look at the table's size to the next. */
const LOOK_EVERY = 12;
/** Share of `maxBytes` written since the last look that asks for another one at once. */
const LOOK_AFTER = 1 / 16;
/** Share of `maxBytes` that is left when room is made. */
const LEAVE = 0.9;
/** Failed runs from one that is told to the next: five minutes. */
const TELL_EVERY = 60;
/** Statements of each kind in one run. */
const MOST_BATCHES = 40;

/**
 * Takes expired rows away, and the least recently used ones of a table that is too large: in batches, by one instance at
 * a time. What a run does not get done is left to the next.
 */
export class Upkeep {
  readonly #parts: UpkeepParts;
  readonly #stop: Cancel;
  #running: Promise<void> | undefined;
  /** Runs until the next look at the size; 0: it is due. */
  #untilLook = 0;
  #written = 0;
  /** Runs in a row. */
  #failures = 0;

  constructor(parts: UpkeepParts) {
    this.#parts = parts;
    this.#stop = parts.clock.every(INTERVAL, () => void this.run());
  }

  /** So many octets went into the table. */
  wrote(octets: number): void {
    this.#written += octets;
    if (this.#written < this.#parts.maxBytes * LOOK_AFTER) return;
    this.#untilLook = 0;
    void this.run();
  }

  /** A second call joins the first. Never rejects: the next one tries again. */
  run(): Promise<void> {
    if (!this.#parts.isUp()) return Promise.resolve();
    return (this.#running ??= this.#work()
      .then(
        () => {
          this.#failures = 0;
          return this.#untilLook === 0;
        },
        (thrown: unknown) => {
          this.#untilLook = 0;
          if (this.#failures++ % TELL_EVERY === 0) this.#parts.failed(toError(thrown));
          return false;
        },
      )
      .then((again) => {
        this.#running = undefined;
        // More was written meanwhile.
        if (again) void this.run();
      }));
  }

  close(): void {
    this.#stop();
  }

  async #work(): Promise<void> {
    const { before, pool, statements } = this.#parts;
    await before();
    for (let batch = 0; batch < MOST_BATCHES; batch++) {
      const gone = await pool.run(statements.expire);
      if (gone.length < BATCH) break;
    }
    this.#untilLook = Math.max(0, this.#untilLook - 1);
    if (this.#untilLook > 0) return;
    this.#untilLook = LOOK_EVERY;
    this.#written = 0;
    await this.#makeRoom();
  }

  async #makeRoom(): Promise<void> {
    const { before, pool, statements, maxBytes } = this.#parts;
    const ask = async (statement: TableStatements["room"]): Promise<number> =>
      Number((await pool.run(statement))[0]![0]);
    if ((await ask(statements.room)) <= maxBytes) return;
    await before();
    const total = await ask(statements.total);
    if (total <= maxBytes) return;
    let over = total - maxBytes * LEAVE;
    for (let batch = 0; batch < MOST_BATCHES && over > 0; batch++) {
      const sizes = await pool.run(statements.evict, [Math.ceil(over)]);
      if (sizes.length === 0) return;
      for (const [size] of sizes) over -= Number(size);
    }
  }
}
