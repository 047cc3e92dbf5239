import assert from "node:assert/strict";
import type { IncomingMessage } from "node:http";
import { PassThrough } from "node:stream";
import { suite, test } from "node:test";
import { setImmediate as nextTurn } from "node:timers/promises";
import { Timeouts } from "../../../src/core/timeouts.ts";
import { COLLECTED, lookEvery, Upload } from "../../../src/http/upload.ts";
import { ManualClock } from "../../support/manual-clock.ts";

function makeUpload(more: { length?: number; maxBody?: number; bodyRate?: number; version?: number } = {}) {
  const clock = new ManualClock();
  const wire = { bytesRead: 0 };
  const stream = new PassThrough();
  const request = Object.assign(stream, { socket: wire, httpVersionMajor: more.version ?? 1 });
  const bodyTimeout = 30_000;
  const limits = {
    maxBody: more.maxBody ?? 1024 ** 2,
    bodyRate: more.bodyRate ?? 1024,
    bodyTimeout,
    looks: new Timeouts(clock, lookEvery(bodyTimeout)),
  };
  let begun = 0;
  const upload = new Upload(request as unknown as IncomingMessage, more.length, limits, clock, () => (begun += 1));
  const say = async (octets: number, onWire = octets): Promise<void> => {
    wire.bytesRead += onWire;
    stream.write(Buffer.alloc(octets));
    for (let turn = 0; turn < 3; turn++) await nextTurn();
  };
  return { clock, stream, upload, say, begun: () => begun };
}

suite("an upload", () => {
  test("is whole when it ends within what is collected, and can be asked for again", async () => {
    const { stream, upload, say, begun } = makeUpload();
    assert.equal(begun(), 0);
    const ready = upload.ready();
    assert.equal(begun(), 1);
    await say(10);
    stream.end(Buffer.alloc(5));
    assert.equal(await ready, "whole");
    assert.equal(await upload.ready(), "whole");
    assert.deepEqual([upload.whole?.length, upload.consumed, upload.fault], [15, true, undefined]);
  });

  test("streams from 64 KiB on, pauses there, and gives the collected part first", async () => {
    const { stream, upload, say } = makeUpload();
    const ready = upload.ready();
    await say(COLLECTED);
    assert.equal(await ready, "streaming");
    assert.equal(stream.isPaused(), true);
    const parts: number[] = [];
    const reading = (async () => {
      for await (const chunk of upload.stream()) parts.push(chunk.length);
    })();
    await say(100);
    stream.end();
    await reading;
    assert.equal(
      parts.reduce((sum, part) => sum + part, 0),
      COLLECTED + 100,
    );
    await assert.rejects(upload.stream().next(), /already being streamed/);
  });

  test("is too large by its announced length before anything is read, or by what came", async () => {
    const announced = makeUpload({ length: 200, maxBody: 100 });
    assert.equal(await announced.upload.ready(), "too-large");
    assert.equal(announced.begun(), 0);
    const chunked = makeUpload({ maxBody: 100 });
    const ready = chunked.upload.ready();
    await chunked.say(101);
    assert.equal(await ready, "too-large");
    assert.equal(chunked.upload.fault, "too-large");
  });

  test("chunks whose framing costs more than 16 octets each are too large; a stream of HTTP/2 shares its wire", async () => {
    const chunked = makeUpload();
    const ready = chunked.upload.ready();
    await chunked.say(100, COLLECTED + 1);
    assert.equal(await ready, "too-large");
    const http2 = makeUpload({ version: 2 });
    const whole = http2.upload.ready();
    await http2.say(100, 10 * COLLECTED);
    http2.stream.end();
    assert.equal(await whole, "whole");
  });

  test("is too slow after bodyTimeout without an octet, and by rate only after 5 s of grace", async () => {
    const silent = makeUpload({ bodyRate: 0 });
    const ready = silent.upload.ready();
    await silent.clock.advanceAsync(29_000);
    assert.equal(silent.upload.fault, undefined);
    await silent.clock.advanceAsync(2500);
    assert.equal(await ready, "too-slow");
    const trickling = makeUpload();
    const other = trickling.upload.ready();
    for (let second = 0; second < 5; second++) {
      await trickling.say(1);
      await trickling.clock.advanceAsync(1000);
      assert.equal(trickling.upload.fault, undefined, `${second}`);
    }
    await trickling.clock.advanceAsync(3000);
    assert.equal(await other, "too-slow");
  });

  test("time in which it is held back does not count", async () => {
    const { clock, upload, say } = makeUpload();
    const ready = upload.ready();
    await say(COLLECTED);
    assert.equal(await ready, "streaming");
    await clock.advanceAsync(600_000);
    assert.equal(upload.fault, undefined);
  });

  test("a client that leaves ends it, and the stream of it throws", async () => {
    const { stream, upload, say } = makeUpload();
    const ready = upload.ready();
    await say(COLLECTED);
    await ready;
    const reading = (async () => {
      for await (const chunk of upload.stream()) assert.ok(chunk.length > 0);
    })();
    reading.catch(() => {});
    stream.destroy();
    await assert.rejects(reading, /gone/);
    assert.equal(upload.fault, "gone");
  });
});
