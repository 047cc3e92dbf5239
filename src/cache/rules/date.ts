/**
 * HTTP dates (RFC 9110 section 5.6.7), by hand: `Date.parse` takes much that is none (`0`, `UTC`, missing commas), and a
 * date that is none has to make an answer stale. Times are milliseconds since 1970.
 */
import { readDigits } from "../../core/characters.ts";

const MONTHS = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"];
const MONTH_NAMES = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
/** 1 January 1970 was a Thursday. */
const DAYS = ["thu", "fri", "sat", "sun", "mon", "tue", "wed"];
const DAY_NAMES = ["Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed"];
const LONG_DAYS = ["thursday", "friday", "saturday", "sunday", "monday", "tuesday", "wednesday"];
const MONTH_LENGTHS = [31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];

const SECOND = 1000;
const DAY = 86_400 * SECOND;
/** Last second of the year 9999: what four digits of a year can say. */
const LAST = 253_402_300_799_000;

const isLeap = (year: number): boolean => (year % 4 === 0 && year % 100 !== 0) || year % 400 === 0;

/** Days from 1 January 1970 to 1 January of a year. */
function daysBefore(year: number): number {
  const past = year - 1;
  return past * 365 + Math.floor(past / 4) - Math.floor(past / 100) + Math.floor(past / 400) - 719_162;
}

function yearOf(time: number): number {
  const days = Math.floor(time / DAY);
  let year = 1970 + Math.floor(days / 365.2425);
  while (daysBefore(year) > days) year--;
  while (daysBefore(year + 1) <= days) year++;
  return year;
}

const monthLength = (year: number, month: number): number =>
  month === 1 && isLeap(year) ? 29 : (MONTH_LENGTHS[month] ?? 0);

/** The parts of a date as they stand in its text. */
interface Parts {
  readonly year: number | undefined;
  readonly month: string;
  readonly day: number | undefined;
  readonly clock: string;
}

/** `hh:mm:ss` in milliseconds; a leap second (60) counts as the second after. */
function readClock(text: string): number | undefined {
  if (text.length !== 8 || text[2] !== ":" || text[5] !== ":") return undefined;
  const hour = readDigits(text.slice(0, 2));
  const minute = readDigits(text.slice(3, 5));
  const second = readDigits(text.slice(6));
  if (hour === undefined || minute === undefined || second === undefined) return undefined;
  if (hour > 23 || minute > 59 || second > 60) return undefined;
  return ((hour * 60 + minute) * 60 + second) * SECOND;
}

function toTime(parts: Parts): number | undefined {
  const { year, day } = parts;
  const month = MONTHS.indexOf(parts.month);
  const clock = readClock(parts.clock);
  if (year === undefined || day === undefined || clock === undefined || month < 0) return undefined;
  if (day < 1 || day > monthLength(year, month)) return undefined;
  let days = daysBefore(year) + day - 1;
  for (let i = 0; i < month; i++) days += monthLength(year, i);
  return days * DAY + clock;
}

/** `Sun, 06 Nov 1994 08:49:37 GMT` */
function readFixed(text: string): Parts | undefined {
  if (text.length !== 29 || !DAYS.includes(text.slice(0, 3)) || text.slice(3, 5) !== ", ") return undefined;
  if (text[7] !== " " || text[11] !== " " || text[16] !== " " || text.slice(25) !== " gmt") return undefined;
  return {
    year: readDigits(text.slice(12, 16)),
    month: text.slice(8, 11),
    day: readDigits(text.slice(5, 7)),
    clock: text.slice(17, 25),
  };
}

/** `Sun Nov  6 08:49:37 1994` */
function readAsctime(text: string): Parts | undefined {
  if (text.length !== 24 || !DAYS.includes(text.slice(0, 3)) || text[3] !== " ") return undefined;
  if (text[7] !== " " || text[10] !== " " || text[19] !== " ") return undefined;
  const day = text[8] === " " ? text.slice(9, 10) : text.slice(8, 10);
  return { year: readDigits(text.slice(20)), month: text.slice(4, 7), day: readDigits(day), clock: text.slice(11, 19) };
}

/** `Sunday, 06-Nov-94 08:49:37 GMT`, the year being of two digits only. */
function readRfc850(text: string): Parts | undefined {
  const comma = text.indexOf(", ");
  if (comma < 0 || !LONG_DAYS.includes(text.slice(0, comma))) return undefined;
  const rest = text.slice(comma + 2);
  if (rest.length !== 22 || rest[2] !== "-" || rest[6] !== "-" || rest[9] !== " ") return undefined;
  if (rest.slice(18) !== " gmt") return undefined;
  return {
    year: readDigits(rest.slice(7, 9)),
    month: rest.slice(3, 6),
    day: readDigits(rest.slice(0, 2)),
    clock: rest.slice(10, 18),
  };
}

/**
 * RFC 9110 section 5.6.7: two digits mean the year that is not more than 50 years ahead of `now`, nor more than 50 behind.
 */
function withCentury(parts: Parts, now: number): number | undefined {
  if (parts.year === undefined || !(now >= 0 && now <= LAST)) return undefined;
  const here = yearOf(now);
  let year = here - (here % 100) + parts.year;
  if (year <= here - 50) year += 100;
  else if (year > here + 50) year -= 100;
  const time = toTime({ ...parts, year });
  if (time === undefined || year !== here + 50) return time;
  // In the fiftieth year it is the day that decides; 29 February is compared as the 28th where there is none.
  const sameDay = toTime({ ...parts, year: here }) ?? toTime({ ...parts, year: here, day: 28 });
  return sameDay !== undefined && sameDay > now ? toTime({ ...parts, year: year - 100 }) : time;
}

/**
 * The time a date says, in any of the three formats and without regard to case; undefined for all else. `now` only
 * places the two digits of an RFC 850 year. The day of the week has to be one, not the right one.
 */
export function parseDate(text: string, now: number): number | undefined {
  if (text.length < 24 || text.length > 40) return undefined;
  const lower = text.toLowerCase();
  const whole = readFixed(lower) ?? readAsctime(lower);
  if (whole) return toTime(whole);
  const short = readRfc850(lower);
  return short && withCentury(short, now);
}

const two = (value: number): string => String(value).padStart(2, "0");

/** A time as IMF-fixdate, cut to the second, and to the years 1970 to 9999. */
export function formatDate(time: number): string {
  const held = Number.isNaN(time) ? 0 : Math.min(Math.max(time, 0), LAST);
  const days = Math.floor(held / DAY);
  const seconds = Math.floor((held - days * DAY) / SECOND);
  const year = yearOf(held);
  let day = days - daysBefore(year);
  let month = 0;
  while (day >= monthLength(year, month)) day -= monthLength(year, month++);
  const clock = `${two(Math.floor(seconds / 3600))}:${two(Math.floor(seconds / 60) % 60)}:${two(seconds % 60)}`;
  return `${DAY_NAMES[days % 7]!}, ${two(day + 1)} ${MONTH_NAMES[month]!} ${String(year)} ${clock} GMT`;
}
