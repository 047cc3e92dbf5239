import type { z } from "zod";
import type { Access, Actor } from "./auth.ts";

/** One call of the ops listener: what is mounted, what is documented and who may. All calls are rows of one table. */
export interface OpsCall {
  readonly method: "GET" | "POST" | "PUT" | "DELETE";
  /** As OpenAPI writes it: `/ops/dependencies/{name}`. */
  readonly path: string;
  readonly access: Access;
  readonly summary: string;
  /** Parameters of the query, name to meaning. */
  readonly query?: Readonly<Record<string, string>>;
  /** Absent: the call has no body. */
  readonly body?: z.ZodType;
  /** On calls whose access is `signed`: whether the field Spillway-Signature is that of the body as it came. */
  readonly signed?: (field: string | undefined, body: Buffer) => boolean;
  readonly answers: Readonly<Record<number, Answer>>;
  readonly run: (asked: Asked) => Promise<Reply> | Reply;
}

export interface Answer {
  readonly description: string;
  readonly contentType: string;
  readonly schema?: z.ZodType;
}

export interface Asked {
  readonly id: string;
  /** Undefined only on open calls. */
  readonly actor: Actor | undefined;
  readonly params: Readonly<Record<string, string>>;
  readonly query: URLSearchParams;
  /** Checked against the call's schema; undefined when it has none. */
  readonly body: unknown;
}

export type Reply =
  | { readonly kind: "json"; readonly status: number; readonly body: unknown; readonly change?: Change }
  | { readonly kind: "text"; readonly status: number; readonly contentType: string; readonly text: string }
  | { readonly kind: "problem"; readonly status: number; readonly detail: string; readonly change?: Change };

/** What a call changed, for the audit. */
export interface Change {
  readonly before: unknown;
  readonly after: unknown;
}
