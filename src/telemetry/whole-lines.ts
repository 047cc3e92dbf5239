import type { Sink } from "./sink.ts";

/** What a pipe takes in one piece even when others write to it: PIPE_BUF of Linux, in octets. */
const ATOMIC = 4096;

/**
 * A sink that several processes write to: each write ends with a line and is small enough that a pipe does not let
 * another process's write into it. A single line beyond `most` octets is written whole all the same, and may be torn.
 */
export function wholeLines(sink: Sink, most = ATOMIC): Sink {
  return {
    write(chunk, done) {
      const writeFrom = (start: number): void => {
        const end = endOfPiece(chunk, start, most);
        sink.write(chunk.subarray(start, end), (failure) => {
          if (failure || end === chunk.length) done(failure);
          else writeFrom(end);
        });
      };
      writeFrom(0);
    },
  };
}

function endOfPiece(chunk: Buffer, start: number, most: number): number {
  if (chunk.length - start <= most) return chunk.length;
  const last = chunk.lastIndexOf(10, start + most - 1);
  if (last >= start) return last + 1;
  const next = chunk.indexOf(10, start + most);
  return next === -1 ? chunk.length : next + 1;
}
