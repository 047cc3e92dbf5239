/** A value that is here, or on its way. Where it usually is here, no promise is made of it. */
export type Soon<T> = T | Promise<T>;

/** What `use` makes of a value, at once where it is here. */
export const whenHere = <T, U>(value: Soon<T>, use: (value: T) => Soon<U>): Soon<U> =>
  value instanceof Promise ? value.then(use) : use(value);
