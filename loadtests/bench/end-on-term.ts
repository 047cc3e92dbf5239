/**
 * Preloaded while profiling: V8 writes its profile when a process ends by itself, and most contenders just die of
 * SIGTERM. One that drains on its own has the grace to do so.
 */
const GRACE_MS = 1000;

process.once("SIGTERM", () => setTimeout(() => process.exit(), GRACE_MS).unref());
