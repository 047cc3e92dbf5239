/** The answer every contender passes on, and the bare server gives itself: JSON of exactly `size` octets. */

export function body(size: number): string {
  const frame = JSON.stringify({ id: 1, name: "benchmark", text: "" });
  const text = "abcdefghijklmnopqrstuvwxyz ".repeat(Math.ceil(size / 27)).slice(0, Math.max(0, size - frame.length));
  return JSON.stringify({ id: 1, name: "benchmark", text });
}

/** The whole answer as it stands on the wire: five fields, the usual of an API. */
export function answer(size: number): Buffer {
  const content = body(size);
  const head = [
    "HTTP/1.1 200 OK",
    "Content-Type: application/json; charset=utf-8",
    `Content-Length: ${content.length}`,
    "Cache-Control: no-store",
    `Date: ${new Date(0).toUTCString()}`,
    'ETag: "1"',
  ];
  return Buffer.from(`${head.join("\r\n")}\r\n\r\n${content}`, "latin1");
}
