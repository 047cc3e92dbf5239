import assert from "node:assert/strict";
import { test } from "node:test";
import * as fc from "fast-check";
import type { Socket } from "node:net";
import type { Client } from "undici";
import { Connections, type Claim, type Connection } from "../../../src/dependency/connections.ts";

/** A claim that notes what it was granted. */
class Asked implements Claim {
  readonly streams: boolean;
  connection: Connection | undefined;

  constructor(streams = false) {
    this.streams = streams;
  }

  granted(connection: Connection): void {
    this.connection = connection;
  }
}

const open = (most: number): Connections =>
  new Connections(() => ({ closed: false, destroyed: false }) as Client, most);

test("the warmest connection is taken first, and no more are made than allowed", () => {
  const connections = open(2);
  const [a, b, c] = [new Asked(), new Asked(), new Asked()];
  connections.claim(a);
  connections.claim(b);
  const place = connections.claim(c);
  assert.ok(place);
  assert.equal(c.connection, undefined);
  connections.release(b.connection!);
  assert.equal(c.connection, b.connection);
  connections.release(a.connection!);
  connections.release(c.connection!);
  const d = new Asked();
  connections.claim(d);
  assert.equal(d.connection, b.connection);
});

test("a claim that leaves the line is never granted", () => {
  const connections = open(1);
  const [a, b, c] = [new Asked(), new Asked(), new Asked()];
  connections.claim(a);
  const place = connections.claim(b);
  connections.claim(c);
  place!.leave();
  connections.release(a.connection!);
  assert.equal(b.connection, undefined);
  assert.ok(c.connection);
});

test("D3: uploads that stream hold a quarter of the connections at most, whatever the order", () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 12 }),
      fc.array(fc.oneof(fc.boolean(), fc.nat(30)), { maxLength: 80 }),
      (most, steps) => {
        const connections = open(most);
        const all: Asked[] = [];
        const running = (): Asked[] => all.filter(({ connection }) => connection !== undefined);
        for (const step of steps) {
          if (typeof step === "boolean") {
            const asked = new Asked(step);
            all.push(asked);
            connections.claim(asked);
          } else {
            const asked = running()[step % Math.max(1, running().length)];
            if (asked) {
              const connection = asked.connection!;
              all.splice(all.indexOf(asked), 1);
              connections.release(connection);
            }
          }
          const streams = running().filter((asked) => asked.streams).length;
          assert.ok(running().length <= most);
          assert.ok(streams <= Math.max(1, Math.floor(most / 4)));
          // Nothing waits that could run.
          const waiting = all.filter(({ connection }) => connection === undefined);
          if (running().length < most) assert.ok(waiting.every((asked) => asked.streams));
        }
      },
    ),
  );
});

test("connections to addresses that are gone are closed: idle ones at once, others with their request", () => {
  const closed: number[] = [];
  let made = 0;
  const connections = new Connections((wire) => {
    const number = made++;
    wire.attach({ destroyed: false, remoteAddress: `10.0.0.${number}`, unshift() {} } as unknown as Socket);
    return {
      closed: false,
      destroyed: false,
      close: async () => void closed.push(number),
    } as unknown as Client;
  }, 3);
  const [a, b, c, waits] = [new Asked(), new Asked(), new Asked(), new Asked()];
  for (const one of [a, b, c]) connections.claim(one);
  connections.release(a.connection!);
  connections.leaveAllBut(new Set(["10.0.0.2"]));
  assert.deepEqual(closed, [0]);
  const d = new Asked();
  connections.claim(d);
  assert.ok(connections.claim(waits), "three are open");
  connections.release(b.connection!);
  assert.deepEqual(closed, [0, 1]);
  assert.notEqual(waits.connection, undefined);
  assert.notEqual(waits.connection, b.connection);
  assert.equal(made, 5);
});
