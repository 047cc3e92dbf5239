/** The `Cache-Status` field (RFC 9211). */
import { isAlpha, isTokenCode } from "../../core/characters.ts";

/** What this cache did with one request. */
export interface CacheStatus {
  /** Answered from the store without asking the dependency. */
  readonly hit?: boolean;
  /** Why the request was forwarded (RFC 9211 section 2.2). */
  readonly fwd?: "bypass" | "method" | "uri-miss" | "vary-miss" | "miss" | "request" | "stale" | "partial";
  /** Status the dependency answered with, where it is not the one sent on. */
  readonly fwdStatus?: number;
  /** Milliseconds of freshness left; negative when stale. Sent as whole seconds, rounded down. */
  readonly ttl?: number;
  readonly stored?: boolean;
  /** Waited for another request's answer. */
  readonly collapsed?: boolean;
  readonly key?: string;
  readonly detail?: string;
}

const MOST = 999_999_999_999_999;

/** An integer of Structured Fields (RFC 9651 section 3.3.1); undefined for what is no number. */
function integer(value: number | undefined): string | undefined {
  if (value === undefined || Number.isNaN(value)) return undefined;
  return String(Math.min(Math.max(Math.floor(value), -MOST), MOST));
}

/** A string of Structured Fields (section 3.3.3); characters it cannot hold become `?`. */
function quoted(text: string): string {
  let out = "";
  for (const mark of text) {
    if (mark === '"' || mark === "\\") out += `\\${mark}`;
    else out += mark >= " " && mark <= "~" ? mark : "?";
  }
  return `"${out}"`;
}

/** A token of Structured Fields (section 3.3.4) where the text is one, else a string. */
function word(text: string): string {
  if (!isAlpha(text.charCodeAt(0)) && !text.startsWith("*")) return quoted(text);
  for (let i = 1; i < text.length; i++) {
    if (!isTokenCode(text.charCodeAt(i)) && text[i] !== ":" && text[i] !== "/") return quoted(text);
  }
  return text;
}

/**
 * The value of `Cache-Status`: `spillway; hit; ttl=12`. Members that say nothing (false, undefined) are left out.
 * `received` is the value that came with the answer: ours goes behind it, being nearer to the client (section 2).
 */
export function cacheStatus(members: CacheStatus, received?: string): string {
  const parts = ["spillway"];
  const ttl = integer(members.ttl === undefined ? undefined : members.ttl / 1000);
  const fwdStatus = integer(members.fwdStatus);
  if (members.hit) parts.push("hit");
  if (members.fwd !== undefined) parts.push(`fwd=${members.fwd}`);
  if (fwdStatus !== undefined) parts.push(`fwd-status=${fwdStatus}`);
  if (ttl !== undefined) parts.push(`ttl=${ttl}`);
  if (members.stored) parts.push("stored");
  if (members.collapsed) parts.push("collapsed");
  if (members.key !== undefined) parts.push(`key=${quoted(members.key)}`);
  if (members.detail !== undefined) parts.push(`detail=${word(members.detail)}`);
  const own = parts.join("; ");
  return received === undefined || received.trim() === "" ? own : `${received}, ${own}`;
}

/** The value with the key that was looked up (section 2.6). */
export const withKey = (field: string, key: string): string => `${field}; key=${quoted(key)}`;
