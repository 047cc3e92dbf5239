import { z } from "zod";
import { isToken } from "../core/headers.ts";

/** The gateway writes these itself, and a fallback is never to be kept by anyone. */
const OURS =
  /^(?:age|cache-control|cache-status|connection|content-length|content-type|date|expires|keep-alive|pragma|proxy-connection|trailer|transfer-encoding|upgrade)$/i;

const BODILESS: ReadonlySet<number> = new Set([204, 205, 304]);

/** Octets of a fallback's body, wherever it comes from. */
export const LARGEST_FALLBACK = 1024 * 1024;

const fieldValue = z.string().regex(/^[\t\x20-\x7e]*$/, "expected visible ASCII");
const fieldName = z
  .string()
  .refine(isToken, "expected a header field name")
  .refine((name) => !OURS.test(name), "the gateway writes this field of a fallback itself");

/** A route's `cache.fallback`. */
export const fallbackSettings = z
  .strictObject({
    status: z.int().min(200).max(599).default(200).describe("Its status"),
    body: z.string().max(65_536).optional().describe("Its body, at most 64 KiB"),
    file: z.string().min(1).optional().describe("File with its body, at most 1 MiB; read again at each reload"),
    json: z
      .unknown()
      .optional()
      .describe("Its body as JSON: any value of the configuration, at most 1 MiB when written"),
    contentType: fieldValue
      .optional()
      .describe("Its Content-Type; absent: application/json for json, by the file's name, else text/plain"),
    headers: z.record(fieldName, fieldValue).optional().describe("Further fields"),
  })
  .superRefine(({ status, body, file, json }, context) => {
    const given = [body, file, json].filter((one) => one !== undefined).length;
    if (given > 1) context.addIssue({ code: "custom", message: "give one of body, file and json" });
    if (given === 0 && !BODILESS.has(status)) {
      context.addIssue({ code: "custom", message: "give its body, in one of body, file and json" });
    }
    if (given > 0 && BODILESS.has(status)) {
      const message = "an answer with this status has no body: take it out, or choose another status";
      context.addIssue({ code: "custom", message, path: ["status"] });
    }
    if (json !== undefined && Buffer.byteLength(JSON.stringify(json) ?? "") > LARGEST_FALLBACK) {
      context.addIssue({ code: "custom", message: "is larger than 1 MiB when written", path: ["json"] });
    }
  })
  .optional()
  .describe(
    "The answer to GET and HEAD in place of a refusal, a failure or a 5xx, when nothing is kept that may be used; never of a 4xx. A cache with nothing else than this keeps what the origin allows",
  );

export type FallbackSettings = NonNullable<z.output<typeof fallbackSettings>>;
