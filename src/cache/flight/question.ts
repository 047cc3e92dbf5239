import { wholeBody } from "../../core/body.ts";
import type { HeaderList } from "../../core/headers.ts";
import type { Served } from "../../core/outcome.ts";
import type { Entry } from "../entry.ts";
import type { Receipt } from "../rules/age.ts";
import { isAbout, updated, validators } from "../rules/conditional.ts";
import { judgeHead } from "../rules/head.ts";
import { readingOf } from "../rules/usability.ts";
import { askable, namedBy, tagsOfAll } from "../rules/variants.ts";
import type { CacheRequest } from "../rules.ts";
import { completed, completionOf, missing } from "./completion.ts";

/** What an answer is, with regard to what is kept. */
export type Heard =
  /** What it looks like. */
  | { readonly kind: "plain" }
  /** Not to be used with what is kept: the whole has to be asked for. */
  | { readonly kind: "again" }
  /** What is kept, with the fields that came. */
  | { readonly kind: "renewed"; readonly entry: Entry }
  /** The part that is kept, with what came. */
  | { readonly kind: "completed"; readonly served: Served; readonly part: Entry }
  /** Of a HEAD: what is kept is another answer than the dependency's. */
  | { readonly kind: "outdated" };

const PLAIN: Heard = { kind: "plain" };
const AGAIN: Heard = { kind: "again" };

/** What is asked of the dependency about what is kept, in place of the client's own conditions. */
export interface Question {
  readonly fields: HeaderList;
  heard(served: Served, receipt: Receipt): Heard;
}

/** What is kept that has to do with a request. */
export interface Known {
  /** The answer to it, which must not be used as it is. */
  readonly entry: Entry | undefined;
  /** Without one: a part of it, or answers to requests that differ in what Vary names. */
  readonly part?: Entry | undefined;
  readonly variants?: readonly Entry[] | undefined;
  readonly headOnly: boolean;
}

/** Undefined: there is nothing to ask about. */
export function questionOf(
  { entry, part, variants = [], headOnly }: Known,
  request: CacheRequest,
): Question | undefined {
  if (headOnly) return entry && aboutHead(entry);
  if (entry) return aboutOne(entry);
  return (part && aboutPart(part, request)) ?? aboutSeveral(askable(variants, request));
}

function aboutOne(entry: Entry): Question | undefined {
  const fields = validators(entry.head);
  if (fields.length === 0) return undefined;
  return {
    fields,
    heard(served, receipt) {
      if (served.status !== 304) return PLAIN;
      return isAbout(entry.head, served) ? renewed(entry, served, receipt) : AGAIN;
    },
  };
}

function aboutSeveral(variants: readonly Entry[]): Question | undefined {
  if (variants.length === 0) return undefined;
  return {
    fields: tagsOfAll(variants),
    heard(served, receipt) {
      if (served.status !== 304) return PLAIN;
      const named = namedBy(variants, served);
      return named ? renewed(named, served, receipt) : AGAIN;
    },
  };
}

function aboutPart(part: Entry, request: CacheRequest): Question | undefined {
  const completion = completionOf(part, request);
  return (
    completion && {
      fields: missing(completion),
      heard(served) {
        if (served.status === 200 || served.status >= 500) return PLAIN;
        const whole = completed(completion, served);
        return whole ? { kind: "completed", served: whole, part } : AGAIN;
      },
    }
  );
}

const aboutHead = (entry: Entry): Question => ({
  fields: [],
  heard(served, receipt) {
    const verdict = judgeHead(entry.head, entry.body.length, served);
    if (verdict === "same") return renewed(entry, served, receipt);
    return verdict === "other" ? { kind: "outdated" } : PLAIN;
  },
});

function renewed(entry: Entry, served: Served, receipt: Receipt): Heard {
  const head = updated(entry.head, served, receipt);
  return { kind: "renewed", entry: { ...entry, head, reading: readingOf(head) } };
}

/** What is kept as the answer that it stands for. */
export const answerOf = ({ head, body }: Entry, served: Served): Served => ({
  ...served,
  status: head.status,
  headers: head.headers,
  body: wholeBody(body),
  by: "cache",
});
