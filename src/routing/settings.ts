import { z } from "zod";
import { isToken } from "../core/headers.ts";
import { notYet } from "../core/not-yet.ts";
import { duration } from "../core/units.ts";

const method = z.string().regex(/^[A-Z][A-Z-]*$/, "expected a method in capitals, such as GET");
const fieldName = z.string().refine(isToken, "expected a header field name");
/** Fields that frame a message or belong to one connection: a route's word on them could only break the message. */
const FRAMING: ReadonlySet<string> = new Set([
  "connection",
  "content-length",
  "expect",
  "keep-alive",
  "proxy-connection",
  "te",
  "trailer",
  "transfer-encoding",
  "upgrade",
]);
const editableName = fieldName.refine(
  (name) => !FRAMING.has(name.toLowerCase()),
  "frames the message or belongs to one connection: the gateway sees to it, take it out",
);
const fieldValue = z.string().regex(/^[\t\x20-\x7e]*$/, "expected visible ASCII");

const classes = ["system", "critical", "default", "sheddable", "bulk"] as const;

const pathPattern = z
  .string()
  .regex(/^\/[!-~]*$/, 'expected a path pattern that starts with "/", such as "/api/*" or "/items/:id"')
  .refine((text) => !/\*./.test(text), 'a "*" may stand only at the end')
  .refine((text) => !/[?#;\\%]/.test(text), 'a pattern has no query, fragment, %-escapes, ";" or "\\"');

const BODILESS: ReadonlySet<number> = new Set([204, 205, 304]);

const headerEdits = z.strictObject({
  set: z.record(editableName, fieldValue).default({}).describe("Fields to put in place of any of the same name"),
  remove: z.array(editableName).default([]).describe("Fields to take away, before `set`"),
});

export const routeSettings = z.strictObject({
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
      z.enum(classes),
      z.strictObject({
        header: fieldName.describe("Field of the request that tells the class"),
        map: z.record(z.string(), z.enum(classes)).describe("Value of the field to class"),
        default: z.enum(classes).default("default").describe("For any other value, and without the field"),
      }),
    ])
    .default("default")
    .describe("Who comes first when not all can be served: a class, or a field that tells it"),
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
  timeout: duration({ min: "1ms", max: "1h" }).optional().describe("Head of the answer, in place of the dependency's"),
  websocket: z.boolean().default(false).describe("Let clients upgrade to a WebSocket tunnel"),
  trailers: z.boolean().default(false).describe("Pass trailer fields of answers on"),
  cache: notYet("cache"),
  rateLimit: notYet("client quota"),
});

export type FixedAnswer = NonNullable<RouteSettings["respond"]>;
export type RouteSettings = z.output<typeof routeSettings>;
