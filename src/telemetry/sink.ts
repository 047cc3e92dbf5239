import { fstatSync, write } from "node:fs";
import { Socket } from "node:net";

/** Where chunks of log lines go. Never throws; what goes wrong is told to `done`. */
export interface Sink {
  /** One call at a time: the next only after `done`. */
  write(chunk: Buffer, done: (failure?: SinkFailure) => void): void;
}

export interface SinkFailure {
  readonly error: Error;
  /** `later`: the chunk is lost, yet the next may pass (a full disk). `never`: nobody reads any more. */
  readonly again: "later" | "never";
}

/**
 * A file, terminal, pipe or socket that is open already: 1 is standard output. Pipes are written without blocking, so
 * that a reader who stopped holds up neither the event loop nor a thread nor the end of the process.
 */
export function openSink(fd: number): Sink {
  const kind = fstatSync(fd);
  return kind.isFIFO() || kind.isSocket() ? socketSink(fd) : fileSink(fd);
}

function fileSink(fd: number): Sink {
  const writeFrom = (chunk: Buffer, at: number, done: (failure?: SinkFailure) => void): void => {
    write(fd, chunk, at, chunk.length - at, null, (error, written) => {
      if (error) done({ error, again: error.code === "EBADF" || error.code === "EPIPE" ? "never" : "later" });
      else if (at + written < chunk.length) writeFrom(chunk, at + written, done);
      else done();
    });
  };
  return { write: (chunk, done) => writeFrom(chunk, 0, done) };
}

function socketSink(fd: number): Sink {
  const socket = new Socket({ fd, readable: false, writable: true });
  // The callback of the write is told the same; without a listener the error would end the process.
  socket.on("error", () => {});
  socket.unref();
  return {
    write(chunk, done) {
      if (socket.destroyed) done({ error: new Error("the log pipe is closed"), again: "never" });
      else socket.write(chunk, (error) => done(error ? { error, again: "never" } : undefined));
    },
  };
}
