import assert from "node:assert/strict";
import { suite, test } from "node:test";
import * as fc from "fast-check";
import { formatDate, parseDate } from "../../../src/cache/rules/date.ts";

const NOW = Date.UTC(2026, 10, 20);
const LAST = Date.UTC(9999, 11, 31, 23, 59, 59);

const VALID: [why: string, text: string, time: number][] = [
  ["IMF-fixdate", "Sun, 06 Nov 1994 08:49:37 GMT", Date.UTC(1994, 10, 6, 8, 49, 37)],
  ["RFC 850", "Sunday, 06-Nov-94 08:49:37 GMT", Date.UTC(1994, 10, 6, 8, 49, 37)],
  ["asctime, one digit of a day", "Sun Nov  6 08:49:37 1994", Date.UTC(1994, 10, 6, 8, 49, 37)],
  ["asctime, two digits of a day", "Wed Nov 16 08:49:37 1994", Date.UTC(1994, 10, 16, 8, 49, 37)],
  ["a day of the week that does not fit", "Thu Aug  8 02:01:18 2050", Date.UTC(2050, 7, 8, 2, 1, 18)],
  ["two digits of a year ahead", "Thursday, 18-Aug-50 02:01:18 GMT", Date.UTC(2050, 7, 18, 2, 1, 18)],
  ["two digits more than 50 years ahead", "Thursday, 18-Aug-77 02:01:18 GMT", Date.UTC(1977, 7, 18, 2, 1, 18)],
  ["two digits, 50 years ahead, before the day", "Friday, 19-Nov-76 00:00:00 GMT", Date.UTC(2076, 10, 19)],
  ["two digits, 50 years ahead, past the day", "Friday, 21-Nov-76 00:00:00 GMT", Date.UTC(1976, 10, 21)],
  ["past 32 bits", "Tue, 19 Jan 2038 14:14:08 GMT", Date.UTC(2038, 0, 19, 14, 14, 8)],
  ["far ahead", "Sun, 21 Nov 2286 04:46:39 GMT", Date.UTC(2286, 10, 21, 4, 46, 39)],
  ["case of the weekday", "THU, 18 Aug 2050 02:01:18 GMT", Date.UTC(2050, 7, 18, 2, 1, 18)],
  ["case of the month", "Thu, 18 AUG 2050 02:01:18 GMT", Date.UTC(2050, 7, 18, 2, 1, 18)],
  ["case of the zone", "Thu, 18 Aug 2050 02:01:18 gMT", Date.UTC(2050, 7, 18, 2, 1, 18)],
  ["a leap second", "Sat, 31 Dec 2016 23:59:60 GMT", Date.UTC(2017, 0, 1)],
  ["29 February", "Thu, 29 Feb 2024 00:00:00 GMT", Date.UTC(2024, 1, 29)],
];

const INVALID: [why: string, text: string][] = [
  ["empty", ""],
  ["zero", "0"],
  ["minus one", "-1"],
  ["words", "foo"],
  ["UTC", "Thu, 18 Aug 2050 02:01:18 UTC"],
  ["another zone", "Thu, 18 Aug 2050 02:01:18 AEST"],
  ["an offset", "Thu, 18 Aug 2050 02:01:18 +0000"],
  ["two digits of a year", "Thu, 18 Aug 50 02:01:18 GMT"],
  ["no comma", "Thu 18 Aug 2050 02:01:18 GMT"],
  ["spaces", "Thu, 18  Aug  2050 02:01:18 GMT"],
  ["dashes", "Thu, 18-Aug-2050 02:01:18 GMT"],
  ["points", "Thu, 18 Aug 2050 02.01.18 GMT"],
  ["one digit of an hour", "Thu, 18 Aug 2050 2:01:18 GMT"],
  ["two dates", "Thu, 18 Aug 2050 02:01:18 GMT, Thu, 18 Aug 2050 02:01:18 GMT"],
  ["something behind", "Thu, 18 Aug 2050 02:01:18 GMTx"],
  ["ISO 8601", "2050-08-18T02:01:18.000000Z"],
  ["no such day", "Thu, 31 Sep 2050 02:01:18 GMT"],
  ["29 February of no leap year", "Thu, 29 Feb 2100 00:00:00 GMT"],
  ["day 0", "Thu, 00 Aug 2050 02:01:18 GMT"],
  ["hour 24", "Thu, 18 Aug 2050 24:00:00 GMT"],
  ["minute 60", "Thu, 18 Aug 2050 02:60:00 GMT"],
  ["no such month", "Thu, 18 Abc 2050 02:01:18 GMT"],
  ["no such weekday", "Xyz, 18 Aug 2050 02:01:18 GMT"],
  ["RFC 850 with a short weekday", "Thu, 18-Aug-50 02:01:18 GMT"],
  ["a sign", "Thu, +8 Aug 2050 02:01:18 GMT"],
  ["a fraction", "Thu, 18 Aug 2050 02:01:1. GMT"],
];

suite("dates, RFC 9110 section 5.6.7", () => {
  for (const [why, text, time] of VALID) test(`is one: ${why}`, () => assert.equal(parseDate(text, NOW), time));
  for (const [why, text] of INVALID) test(`is none: ${why}`, () => assert.equal(parseDate(text, NOW), undefined));

  test("writes what it reads, for every second of four-digit years, and as the runtime does", () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: LAST / 1000 }), (seconds) => {
        const text = formatDate(seconds * 1000);
        assert.equal(text, new Date(seconds * 1000).toUTCString());
        assert.equal(parseDate(text, NOW), seconds * 1000);
      }),
    );
  });

  test("writes what is out of reach as what is next to it", () => {
    assert.equal(formatDate(-1), "Thu, 01 Jan 1970 00:00:00 GMT");
    assert.equal(formatDate(Number.NaN), "Thu, 01 Jan 1970 00:00:00 GMT");
    assert.equal(formatDate(Infinity), "Fri, 31 Dec 9999 23:59:59 GMT");
    assert.equal(formatDate(999), "Thu, 01 Jan 1970 00:00:00 GMT");
  });

  test("two digits of a year never mean more than 50 years away", () => {
    const year = 366 * 86_400_000;
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 99 }), fc.integer({ min: 0, max: LAST }), (digits, now) => {
        const time = parseDate(`Monday, 01-Jun-${String(digits).padStart(2, "0")} 00:00:00 GMT`, now);
        assert.ok(time !== undefined && time - now <= 50 * year && now - time <= 51 * year);
      }),
    );
  });

  test("two digits that were 50 years ago mean the coming year, until the day has passed", () => {
    const now = Date.UTC(2060, 10, 20);
    assert.equal(parseDate("Friday, 19-Nov-10 00:00:00 GMT", now), Date.UTC(2110, 10, 19));
    assert.equal(parseDate("Friday, 21-Nov-10 00:00:00 GMT", now), Date.UTC(2010, 10, 21));
    assert.equal(parseDate("Friday, 29-Feb-76 00:00:00 GMT", Date.UTC(2026, 1, 27)), Date.UTC(1976, 1, 29));
    assert.equal(parseDate("Friday, 29-Feb-76 00:00:00 GMT", Date.UTC(2026, 1, 28)), Date.UTC(2076, 1, 29));
  });

  test("no text and no time make it throw or run on", () => {
    fc.assert(
      fc.property(fc.string({ minLength: 20, maxLength: 45 }), fc.double(), (text, now) => {
        parseDate(text, now);
        formatDate(now);
        parseDate("Sunday, 06-Nov-94 08:49:37 GMT", now);
      }),
    );
  });
});
