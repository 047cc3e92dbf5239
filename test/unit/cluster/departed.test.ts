import assert from "node:assert/strict";
import { test } from "node:test";
import { addDeparted } from "../../../src/cluster/departed.ts";

const counter = (values: object[]) => ({ name: "c", help: "", type: "counter", aggregator: "sum", values });

test("counters add up by their labels, whatever the labels' order", () => {
  const sum = addDeparted(addDeparted([], [counter([{ labels: { a: "1", b: "2" }, value: 3 }])]), [
    counter([
      { labels: { b: "2", a: "1" }, value: 4 },
      { labels: { a: "x", b: "2" }, value: 1 },
    ]),
  ]);
  assert.deepEqual(sum, [
    counter([
      { labels: { b: "2", a: "1" }, value: 7 },
      { labels: { a: "x", b: "2" }, value: 1 },
    ]),
  ]);
});

test("the several names of a histogram stay apart", () => {
  const histogram = (n: number) => ({
    name: "h",
    help: "",
    type: "histogram",
    aggregator: "sum",
    values: [
      { metricName: "h_sum", labels: {}, value: n },
      { metricName: "h_count", labels: {}, value: 1 },
    ],
  });
  assert.deepEqual(addDeparted([histogram(2)], [histogram(5)]), [
    {
      ...histogram(0),
      values: [
        { metricName: "h_sum", labels: {}, value: 7 },
        { metricName: "h_count", labels: {}, value: 2 },
      ],
    },
  ]);
});

test("gauges tell of now: those of the departed are left out", () => {
  assert.deepEqual(addDeparted([], [{ name: "g", type: "gauge", values: [{ labels: {}, value: 1 }] }]), []);
});
