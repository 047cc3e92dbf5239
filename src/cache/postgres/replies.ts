import type { Client } from "pg";

/** What reads a server's octets off a stream. */
interface ReplyReader {
  attachListeners(stream: ReplySource): void;
}

interface ReplySource {
  on(event: string, listener: (octets: Buffer) => void): unknown;
  destroy(error?: Error): unknown;
}

/**
 * Octets that are no PostgreSQL end the connection. The client reads them inside an event of the socket, where what it
 * throws would end the process.
 */
export function containReplies(client: Client): void {
  const reader = client.connection as unknown as ReplyReader;
  const attach = reader.attachListeners.bind(reader);
  reader.attachListeners = (stream) => {
    const contained = (listener: (octets: Buffer) => void) => (octets: Buffer) => {
      try {
        listener(octets);
      } catch (thrown) {
        stream.destroy(new Error(`what the server sent is not understood: ${String(thrown)}`));
      }
    };
    attach({
      on: (event, listener) => stream.on(event, event === "data" ? contained(listener) : listener),
      destroy: (error) => stream.destroy(error),
    });
  };
}
