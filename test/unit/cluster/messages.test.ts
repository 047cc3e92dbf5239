import assert from "node:assert/strict";
import { test } from "node:test";
import { fitText, readFromWorker, readToWorker } from "../../../src/cluster/messages.ts";

test("what a worker says comes through as it is", () => {
  for (const message of [
    { kind: "serving", hash: "abc", port: 8080 },
    { kind: "failed", message: "no" },
    { kind: "pong", open: 3, leftOut: ["redis"] },
    { kind: "leaving" },
    { kind: "desks", desks: { catalog: { own: 5, wants: [0, 1, 1, 0, 0] } } },
    { kind: "purged", purge: "x" },
    { kind: "answer", id: 0, answer: { kind: "done" } },
    { kind: "answer", id: 3, answer: { kind: "cache", answer: { did: "refused", room: 0 } } },
    { kind: "answer", id: 4, answer: { kind: "decisions", decisions: [{ id: "r1" }] } },
    { kind: "answer", id: 1, answer: { kind: "failed", message: "x" } },
    { kind: "answer", id: 2, answer: { kind: "metrics", metrics: [{ name: "a", type: "gauge", values: [] }] } },
  ]) {
    assert.deepEqual(readFromWorker(message), message);
  }
});

test("what the primary says comes through as it is, maps included", () => {
  const config = { config: { listen: {} }, material: { authorities: new Map([["a", "pem"]]) }, hash: "h" };
  for (const message of [
    { kind: "start", config, name: "gw", port: 1, process: 0, sharing: "reuse-port", version: "1" },
    { kind: "ping" },
    { kind: "purged", purge: "x" },
    { kind: "drain" },
    { kind: "lent", lent: { catalog: -2 } },
    { kind: "ask", id: 1, question: { kind: "metrics" } },
    { kind: "ask", id: 2, question: { kind: "prepare", config } },
    { kind: "ask", id: 3, question: { kind: "commit", hash: "h" } },
    { kind: "ask", id: 4, question: { kind: "abort" } },
    { kind: "ask", id: 5, question: { kind: "cache", ask: { do: "entries", key: "k" } } },
    { kind: "ask", id: 6, question: { kind: "decisions", ask: { id: "r1", limit: 1 } } },
  ]) {
    assert.deepEqual(readToWorker(message), message);
  }
});

test("everything else is nobody's message", () => {
  for (const raw of [
    undefined,
    null,
    1,
    "ping",
    [],
    { kind: "answer", id: 1, answer: { kind: "cache", answer: {} } },
    { kind: "answer", id: 1, answer: { kind: "cache", answer: null } },
    { kind: "answer", id: 1, answer: { kind: "decisions", decisions: [{}] } },
    {},
    { kind: "unknown" },
    { kind: "pong" },
    { kind: "desks", desks: { catalog: { own: 5, wants: [1] } } },
    { kind: "pong", open: -1 },
    { kind: "pong", open: Number.NaN },
    { kind: "pong", open: 1, more: true },
    { kind: "serving", hash: "a", port: 65_536 },
    { kind: "failed", message: "x".repeat(4097) },
    { kind: "answer", id: 1.5, answer: { kind: "done" } },
    { kind: "answer", id: 1, answer: { kind: "metrics", metrics: [{ name: "a" }] } },
    {
      kind: "answer",
      id: 1,
      answer: { kind: "metrics", metrics: Array.from({ length: 1001 }, () => ({ name: "a", type: "b", values: [] })) },
    },
  ]) {
    assert.equal(readFromWorker(raw), undefined);
  }
  for (const raw of [undefined, { cmd: "NODE_CLUSTER" }, { kind: "ask", id: 1, question: { kind: "prepare" } }]) {
    assert.equal(readToWorker(raw), undefined);
  }
});

test("a text that was made to fit is accepted", () => {
  assert.ok(readFromWorker({ kind: "failed", message: fitText("x".repeat(100_000)) }));
});
