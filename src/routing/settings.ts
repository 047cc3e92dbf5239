import { z } from "zod";
import { toError } from "../core/errors.ts";
import { isToken } from "../core/headers.ts";
import { duration } from "../core/units.ts";
import { parsePattern } from "./pattern.ts";
import { CLASSES } from "./priority-settings.ts";
import { compileRewrite } from "./rewrite.ts";

export { prioritySettings } from "./priority-settings.ts";

const method = z.string().regex(/^[A-Z][A-Z-]*$/, "expected a method in capitals, such as GET");
const fieldName = z.string().refine(isToken, "expected a header field name");
const fieldValue = z.string().regex(/^[\t\x20-\x7e]*$/, "expected visible ASCII");

/** Makes an issue of what `build` throws. */
function tell(context: z.RefinementCtx, build: () => void, path: string[] = []): void {
  try {
    build();
  } catch (thrown) {
    context.addIssue({ code: "custom", message: toError(thrown).message, path });
  }
}

/** Whether a pattern passes the simpler checks, so that it is worth being taken apart. */
const isWritable = (text: string): boolean => /^\/[!-~]*$/.test(text) && !/\*.|[?#;\\%]/.test(text);

const pathPattern = z
  .string()
  .regex(/^\/[!-~]*$/, 'expected a path pattern that starts with "/", such as "/api/*" or "/items/:id"')
  .refine((text) => !/\*./.test(text), 'a "*" may stand only at the end')
  .refine((text) => !/[?#;\\%]/.test(text), 'a pattern has no query, fragment, %-escapes, ";" or "\\"')
  .superRefine((text, context) => {
    if (isWritable(text)) tell(context, () => void parsePattern(text));
  });

/** Fields that frame a message or belong to one connection: the gateway writes them itself. */
const OURS = /^(?:connection|content-length|expect|keep-alive|proxy-connection|te|trailer|transfer-encoding|upgrade)$/i;
const settableName = fieldName.refine(
  (name) => !OURS.test(name),
  "this field frames the message: the gateway writes it itself",
);

const headerEdits = z.strictObject({
  set: z.record(settableName, fieldValue).default({}).describe("Fields to put in place of any of the same name"),
  remove: z.array(fieldName).default([]).describe("Fields to take away, before `set`"),
});

const BODILESS: ReadonlySet<number> = new Set([204, 205, 304]);

export const routeSettings = z
  .strictObject({
    name: z
      .string()
      .regex(/^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$/, "letters, digits, _ . - only, at most 64")
      .optional()
      .describe("Label in metrics and logs; absent: route-N"),
    match: z.strictObject({
      host: z
        .string()
        .regex(/^(\*\.)?[A-Za-z0-9.-]+(:\d+)?$/, 'expected a host such as "api.example.org" or "*.example.org"')
        .optional()
        .describe('"api.example.org" or "*.example.org"; absent: every host'),
      path: pathPattern.describe('"/a/b", "/items/:id", "/api/*" (the prefix itself too), "/*" for everything'),
      methods: z.array(method).min(1).optional().describe("Absent: every method. GET brings HEAD with it"),
    }),
    dependency: z
      .string()
      .optional()
      .describe('A name under dependencies, or "next": the host application\'s own routes (library only)'),
    respond: z
      .strictObject({
        status: z.int().min(200).max(599).describe("Its status"),
        body: z.string().max(65_536).default("").describe("Its body, at most 64 KiB"),
        contentType: fieldValue.default("text/plain; charset=utf-8").describe("Its Content-Type, when there is a body"),
      })
      .refine(({ status, body }) => body === "" || !BODILESS.has(status), {
        path: ["body"],
        error: "an answer with this status has no body: take it out, or choose another status",
      })
      .optional()
      .describe("A fixed answer; no dependency is asked"),
    priority: z
      .union([
        z.enum(CLASSES),
        z.strictObject({
          header: fieldName.describe("Field of the request that tells the class; any client may send it"),
          map: z.record(z.string(), z.enum(CLASSES)).describe("Value of the field to class"),
          default: z.enum(CLASSES).default("default").describe("For any other value, and without the field"),
        }),
      ])
      .optional()
      .describe(
        "Who comes first when not all can be served: a class, or a field that tells it. Absent: as priority.methods says. A signed class, a claim or a tenant's class goes before it",
      ),
    trustPriority: z
      .boolean()
      .optional()
      .describe(
        "Whose Priority (RFC 9218) may raise the class: true = every client's, false = nobody's. Absent: as priority.trustPriority says",
      ),
    rewrite: z
      .union([
        z.strictObject({
          prefix: z
            .string()
            .regex(/^\/[!-~]*$/)
            .describe("Put in place of what stands before the * of the path pattern"),
        }),
        z.strictObject({
          path: z
            .string()
            .regex(/^\/[!-~]*$/)
            .describe('A whole path; ":name" takes what the pattern captured'),
        }),
      ])
      .optional()
      .describe("What the dependency is asked for; absent: what the client asked for, byte for byte"),
    requestHeaders: headerEdits.optional(),
    responseHeaders: headerEdits.optional(),
    timeout: duration({ min: "1ms", max: "1h" })
      .optional()
      .describe("Head of the answer, in place of the dependency's"),
    websocket: z.boolean().default(false).describe("Let clients upgrade to a WebSocket tunnel"),
    trailers: z.boolean().default(false).describe("Pass trailer fields of answers on"),
  })
  .superRefine(({ match, rewrite }, context) => {
    if (isWritable(match.path)) tell(context, () => void compileRewrite(match.path, rewrite), ["rewrite"]);
  });

export type FixedAnswer = NonNullable<RouteSettings["respond"]>;
export type RouteSettings = z.output<typeof routeSettings>;
