import assert from "node:assert/strict";
import { test } from "node:test";
import * as fc from "fast-check";
import type { Sink, SinkFailure } from "../../../src/telemetry/sink.ts";
import { wholeLines } from "../../../src/telemetry/whole-lines.ts";

function recorder(failAt = -1): { sink: Sink; pieces: string[] } {
  const pieces: string[] = [];
  const sink: Sink = {
    write(chunk, done) {
      pieces.push(chunk.toString());
      done(pieces.length - 1 === failAt ? { error: new Error("full"), again: "later" } : undefined);
    },
  };
  return { sink, pieces };
}

function write(sink: Sink, text: string): (SinkFailure | undefined)[] {
  const told: (SinkFailure | undefined)[] = [];
  sink.write(Buffer.from(text), (failure) => told.push(failure));
  return told;
}

test("a chunk is cut behind the last line that fits", () => {
  const { sink, pieces } = recorder();
  assert.deepEqual(write(wholeLines(sink, 8), "abc\ndef\nghi\n"), [undefined]);
  assert.deepEqual(pieces, ["abc\ndef\n", "ghi\n"]);
});

test("a line that is too long stays whole", () => {
  const { sink, pieces } = recorder();
  write(wholeLines(sink, 4), "a\nlonger line\nb\n");
  assert.deepEqual(pieces, ["a\n", "longer line\n", "b\n"]);
});

test("a failure is told once and ends the chunk", () => {
  const { sink, pieces } = recorder(0);
  assert.equal(write(wholeLines(sink, 4), "abc\ndef\n")[0]?.again, "later");
  assert.equal(pieces.length, 1);
});

test("nothing is lost, and every piece ends with a line and fits unless it is one line", () => {
  fc.assert(
    fc.property(
      fc.array(fc.string({ maxLength: 30 }).map((text) => `${text.replaceAll("\n", " ")}\n`)),
      fc.integer({ min: 1, max: 50 }),
      (lines, most) => {
        const { sink, pieces } = recorder();
        const told = write(wholeLines(sink, most), lines.join(""));
        assert.equal(told.length, 1);
        assert.equal(pieces.join(""), lines.join(""));
        for (const piece of pieces.filter((piece) => piece !== "")) {
          assert.ok(piece.endsWith("\n"));
          assert.ok(Buffer.byteLength(piece) <= most || piece.indexOf("\n") === piece.length - 1);
        }
      },
    ),
  );
});
