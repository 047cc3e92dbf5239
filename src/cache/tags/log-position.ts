/**
 * One order for all purges of a fleet, and where loads stand in it: why no answer from before a purge is used after it.
 *
 * - The log gives each purge a position: a multiple of {@link SLOT}, above every earlier one. Redis gives it out, by its
 *   own clock where that has gone on and one slot on where it has not, so no instance's clock matters. Whoever appends or
 *   reads says how far it had come, and the log never goes on from less: a log that was emptied, or lost its end in a
 *   failover, does not give a position twice to those who saw it.
 * - An instance reads the log in order. Its log position L is that of the last purge it has applied. A load that begins
 *   gets L or a little more, less than L + SLOT. So a load with position x began when every purge up to x's slot had
 *   been applied there, and a purge at Q > x is one that the load may have missed: the entry is older than it. One that
 *   lags has a smaller L: it throws away more than it must, never less.
 * - A purge that was asked for here is in force before the log has it: it is written down between L and L + SLOT, above
 *   all that loads under way have. When it comes back from the log it is written down again, at its position there,
 *   because entries of other instances compare with that one only.
 * - Positions between two slots mean something to the instance that made them and to no other: of an entry that another
 *   process loaded only the slot counts, and no more than where L was when the oldest purge was made here that has not
 *   come back from the log yet: it could seem younger than that. To lower a position is always safe.
 * - A slot has 1,022 positions of its own. When they are used up (so many purges, while Redis is away), further purges
 *   share the last one, which no load is ever given ({@link highestOfLoads}): their targets are fetched anew each time until
 *   Redis is back, and nothing else suffers.
 * - When the log has lost its end, or all of it, what was in it lives on in those who made or read it: each brings back
 *   what it has read above the point of loss within the last 30 s, at new positions. So who looked into the log less than
 *   its lease ago has missed nothing for good and doubts nothing it keeps; anybody else holds what it keeps against the
 *   log's memory of last purges, or counts it as stale where that was lost as well. What is lost is a purge whose
 *   instance ended together with the log, before anybody had read it.
 * - Without a log positions mean nothing to other processes. The line of time counts the slots, and of an entry that
 *   another process loaded the time at which that load began counts, less what clocks may be off ({@link foreignPosition}):
 *   a load that began within that after a purge here is taken for an older one. Of its own entries a process knows the
 *   position, however soon after a purge it wrote them: they bear its name, Entry.origin.
 *
 * The idea is the logical clock of Lamport, "Time, Clocks, and the Ordering of Events" (1978), with one process, the log,
 * that all agree to ask.
 */

/** Positions from one purge of the log to the next. Twice a position, with milliseconds before the slot, fits 2^53 until 2109. */
export const SLOT = 1024;

/** The part of a position that means the same in the whole fleet. */
export const loggedPart = (position: number): number => position - (position % SLOT);

/** What a load may be given at most while the log stands at `logged`: a purge made here stands one above it at most. */
export const highestOfLoads = (logged: number): number => logged + SLOT - 2;

/** Without a log: of what another process began to load then, on our line of time. `slack`: see CacheTime. */
export const foreignPosition = (began: number, slack: number): number =>
  wallPosition(Math.max(0, Math.floor(began - slack)));

/** The least that a ledger without a log counts from. `wall`: milliseconds since the epoch. */
export const wallPosition = (wall: number): number => wall * SLOT;
