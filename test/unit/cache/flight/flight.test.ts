import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { StreamedBody, type Sink } from "../../../../src/core/body.ts";
import type { Departure } from "../../../../src/core/exchange.ts";
import { failed, type Outcome } from "../../../../src/core/outcome.ts";
import { Flight, type Judged, type Load, type Sharing } from "../../../../src/cache/flight/flight.ts";
import type { Seat } from "../../../../src/cache/flight/seat.ts";

/** A load that a test moves by hand. */
function script(sharing: Sharing, longest = 1000) {
  const log: string[] = [];
  const head = Promise.withResolvers<Outcome>();
  let departure: Departure | undefined;
  const body = new StreamedBody(
    {
      pause: () => void log.push("pause"),
      resume: () => void log.push("resume"),
      cancel: () => void log.push("cancel"),
    },
    undefined,
  );
  const judged: Judged = { sharing, fits: () => true, status: 200 };
  const load: Load = {
    run: (given) => {
      departure = given;
      return head.promise;
    },
    judge: () => judged,
    commit: (chunks, length) => void log.push(`commit ${Buffer.concat(chunks).toString()} ${length}`),
    outgrown: () => void log.push("outgrown"),
    cut: () => void log.push("cut"),
    closed: () => void log.push("closed"),
  };
  const flight = new Flight(load, longest);
  return {
    flight,
    body,
    log,
    departed: () => departure!.gone,
    async land(outcome: Outcome = { kind: "served", status: 200, headers: [], body, by: "dependency" }) {
      head.resolve(outcome);
      return flight.landing;
    },
  };
}

/** Reads a seat's body into text; "!" at a cut, "." at the end. */
function read(seat: Seat): { text: string; room: boolean; resume(): void } {
  const body = seat.take(undefined);
  const reader = { text: "", room: true, resume: () => body.resume() };
  const sink: Sink = {
    write: (chunk) => {
      reader.text += String(chunk);
      return reader.room;
    },
    end: () => void (reader.text += "."),
    fail: () => void (reader.text += "!"),
  };
  body.pipe(sink);
  return reader;
}

suite("a flight", () => {
  test("everyone reads the leader's octets as they come, latecomers from the first one on", async () => {
    const { flight, body, log, land } = script("all");
    const leader = flight.board();
    const follower = flight.board();
    assert.deepEqual([leader.leads, follower.leads], [true, false]);
    await land();
    const first = read(leader);
    body.push(Buffer.from("a"));
    const second = read(follower);
    body.push(Buffer.from("b"));
    const late = read(flight.board());
    assert.deepEqual([first.text, second.text, late.text], ["ab", "ab", "ab"]);
    body.push(Buffer.from("c"));
    body.finish();
    assert.deepEqual([first.text, second.text, late.text], ["abc.", "abc.", "abc."]);
    assert.deepEqual(log, ["commit abc 3", "closed"]);
  });

  test("goes on while anybody is left, ends when nobody is, and not at all when it is held", async () => {
    const waiting = script("all");
    const [leader, follower] = [waiting.flight.board(), waiting.flight.board()];
    leader.leave();
    assert.equal(waiting.departed(), false);
    follower.leave();
    follower.leave();
    assert.equal(waiting.departed(), true);
    const landing = await waiting.land();
    assert.equal(landing.outcome.kind, "failed");
    assert.deepEqual(waiting.log, ["closed", "cancel"]);

    const flowing = script("all");
    const seat = flowing.flight.board();
    await flowing.land();
    read(seat);
    flowing.body.push(Buffer.from("a"));
    seat.leave();
    assert.deepEqual(flowing.log, ["closed", "cancel"]);

    const held = script("all");
    held.flight.hold();
    const guest = held.flight.board();
    assert.equal(guest.leads, false);
    guest.leave();
    await held.land();
    held.body.push(Buffer.from("a"));
    held.body.finish();
    assert.deepEqual(held.log, ["commit a 1", "closed"]);
  });

  test("a body that breaks off reaches everyone as broken and is not kept", async () => {
    const { flight, body, log, land } = script("all");
    const seats = [flight.board(), flight.board()];
    await land();
    const readers = seats.map(read);
    body.push(Buffer.from("a"));
    body.fail(new Error("reset"));
    assert.deepEqual(
      readers.map(({ text }) => text),
      ["a!", "a!"],
    );
    assert.deepEqual(log, ["cut", "closed"]);
  });

  test("a body shorter than announced is broken", async () => {
    const { flight, log, land } = script("all");
    const seat = flight.board();
    const short = new StreamedBody({ pause() {}, resume() {}, cancel() {} }, 5);
    await land({ kind: "served", status: 200, headers: [], body: short, by: "dependency" });
    const reader = read(seat);
    short.push(Buffer.from("abc"));
    short.finish();
    assert.equal(reader.text, "abc!");
    assert.deepEqual(log, ["cut", "closed"]);
  });

  test("a failed load lands once for all", async () => {
    const { flight, log, land } = script("all");
    const seats = [flight.board(), flight.board()];
    const landing = await land(failed("connect", "none"));
    assert.equal(landing.outcome.kind, "failed");
    assert.equal(landing.sharing, "wave");
    for (const seat of seats) seat.leave();
    assert.deepEqual(log, ["closed"]);
  });

  test("what is for nobody else goes to the leader as it is", async () => {
    const { flight, body, land } = script("nobody");
    const leader = flight.board();
    await land();
    assert.equal(leader.take(undefined), body);
  });

  test("followers who are released leave the leader reading", async () => {
    const { flight, body, log, land } = script("nobody");
    const [leader, follower] = [flight.board(), flight.board()];
    const { sharing } = await land();
    assert.equal(sharing, "nobody");
    follower.leave();
    const reader = read(leader);
    body.push(Buffer.from("a"));
    body.finish();
    assert.equal(reader.text, "a.");
    assert.deepEqual(log, ["closed"]);
  });

  test("a slow reader holds up nobody while the body is short, and everybody beyond", async () => {
    const big = Buffer.alloc(200 * 1024, "x");
    const { flight, body, log, land } = script("all", 1024 * 1024);
    const [slow, fast] = [flight.board(), flight.board()];
    await land();
    const [slowly, quickly] = [read(slow), read(fast)];
    slowly.room = false;
    for (let i = 0; i < 5; i++) body.push(big);
    assert.equal(quickly.text.length, 5 * big.length);
    assert.equal(slowly.text.length, big.length);
    assert.deepEqual(log, []);
    body.push(big);
    assert.deepEqual(log, ["outgrown", "closed", "pause"]);
    slowly.room = true;
    slowly.resume();
    assert.equal(slowly.text.length, 6 * big.length);
    assert.deepEqual(log, ["outgrown", "closed", "pause", "resume"]);
    body.finish();
    assert.ok(slowly.text.endsWith(".") && quickly.text.endsWith("."));
  });
});
