/** When a worker that is gone gets a successor. Pure: told how long the last one served. */

/** Milliseconds: the second restart in a row waits so long, each further one twice the one before. */
const FIRST_WAIT = 100;
const LONGEST_WAIT = 10_000;
/** Milliseconds of service that make up for one crash. */
const FORGIVEN_AFTER = 4_000;
/** Crashes that are remembered: times {@link FORGIVEN_AFTER}, a minute of service forgets all of them. */
const MOST_CRASHES = 15;

export interface Restart {
  /** To be handed in at the next crash. */
  readonly crashes: number;
  /** Milliseconds until the successor starts. */
  readonly wait: number;
}

/** `servedMs`: 0 when it never served. A lone crash is made good at once; only crashes in a row have to wait. */
export function restartAfter(crashes: number, servedMs: number): Restart {
  const forgiven = Math.floor(servedMs / FORGIVEN_AFTER);
  const counted = Math.min(MOST_CRASHES, Math.max(0, crashes - forgiven) + 1);
  return { crashes: counted, wait: waitOf(counted) };
}

const waitOf = (crashes: number): number =>
  crashes <= 1 ? 0 : Math.min(LONGEST_WAIT, FIRST_WAIT * 2 ** (crashes - 2));
