/** The table of a PostgreSQL tier, and all that is said to it. */
import type { Statement } from "./pool.ts";
import { MOST_VARIANTS } from "../tiers/tier.ts";

/** Rows that one statement of the upkeep takes away at most. */
export const BATCH = 500;

export interface TableStatements {
  /** `$1` key, `$2` digest of the variant without Vary or null, `$3` now: a row for each Vary, with the frame that fits. */
  readonly find: Statement;
  /** `$1` key, `$2` digests, `$3` now: digest and frame of the one used last. */
  readonly pick: Statement;
  /** `$1` key, `$2` digest, `$3` Vary, `$4` fence, `$5` keep until, `$6` size, `$7` frame, `$8` now. */
  readonly put: Statement;
  /** `$1` key, `$2` digest, `$3` fence: takes it away unless it has a higher one. */
  readonly supersede: Statement;
  /** `$1` key. */
  readonly drop: Statement;
  /** `$1` keys, `$2` digests: they were used just now. */
  readonly touch: Statement;
  /** `$1` keys, `$2` digest, `$3` now: key and frame of those that are there. */
  readonly findMany: Statement;
  /** `$1` keys, `$2` digest, `$3` fences, `$4` keep until, `$5` sizes, `$6` frames, `$7` now: as `put`, all without Vary. */
  readonly putMany: Statement;
  /** `$1` keys. */
  readonly dropMany: Statement;
  readonly clear: Statement;
  /** `$1` least key, `$2` the first one beyond. */
  readonly clearWithin: Statement;
  /** Whether table and schema are there. */
  readonly look: Statement;
  readonly createSchema: Statement;
  readonly create: Statement;
  /** One batch of what nobody has a use for by the database's clock, if no other instance is at it: a row for each. */
  readonly expire: Statement;
  /** Octets on disk, dead rows included: at once, however large. */
  readonly room: Statement;
  /** Octets of live rows: reads them all. */
  readonly total: Statement;
  /** `$1` octets to free: sizes of one batch of what was not used for longest, if no other instance is at it. */
  readonly evict: Statement;
}

/** As an identifier, whatever it holds. */
export const quoteName = (name: string): string => `"${name.replaceAll('"', '""')}"`;

const quoteText = (text: string): string => `'${text.replaceAll("'", "''")}'`;

/** An instant, of a parameter in milliseconds since the epoch. */
const instant = (parameter: string): string => `to_timestamp(${parameter}::float8 / 1000)`;

/** Statements about `table`, in `schema` or else where the search path leads. */
export function tableStatements(table: string, schema?: string): TableStatements {
  const name = schema === undefined ? quoteName(table) : `${quoteName(schema)}.${quoteName(table)}`;
  return { ...rowStatements(name), ...makingStatements(name, table, schema), ...upkeepStatements(name) };
}

const prepared = (what: string, text: string): Statement => ({ name: `spillway_cache_${what}`, text });

const lockOf = (what: string, name: string): string => `hashtextextended(${quoteText(`spillway ${what} ${name}`)}, 0)`;

function rowStatements(name: string) {
  return {
    find: prepared(
      "find",
      `select distinct on (vary) vary, case when digest = $2 then frame end from ${name}
        where key = $1 and keep_until > ${instant("$3")} and (digest = $2 or vary <> '')
        order by vary, (digest = $2) desc nulls last`,
    ),
    pick: prepared(
      "pick",
      `select digest, frame from ${name} where key = $1 and digest = any($2::bytea[]) and keep_until > ${instant("$3")}
        order by used_at desc limit 1`,
    ),
    put: prepared(
      "put",
      `with put as (
        insert into ${name} as old (key, digest, vary, fence, keep_until, size, frame, used_at)
        values ($1, $2, $3, $4, ${instant("$5")}, $6, $7, clock_timestamp())
        on conflict (key, digest) do update set vary = excluded.vary, fence = excluded.fence,
          keep_until = excluded.keep_until, size = excluded.size, frame = excluded.frame, used_at = excluded.used_at
        where excluded.fence >= old.fence or old.keep_until <= ${instant("$8")})
      delete from ${name} where ctid = any(array(
        select ctid from ${name} where key = $1 and digest <> $2 order by used_at desc offset ${MOST_VARIANTS - 1}))`,
    ),
    supersede: prepared("supersede", `delete from ${name} where key = $1 and digest = $2 and fence <= $3`),
    drop: prepared("drop", `delete from ${name} where key = $1`),
    touch: prepared(
      "touch",
      `update ${name} set used_at = clock_timestamp() where ctid = any(array(
        select kept.ctid from ${name} kept join unnest($1::bytea[], $2::bytea[]) as used (key, digest)
        using (key, digest) for update of kept skip locked))`,
    ),
    clear: { text: `truncate ${name}` },
    clearWithin: {
      text: `delete from ${name} where ctid = any(array(
        select ctid from ${name} where key >= $1 and key < $2 order by key for update))`,
    },
    ...batchStatements(name),
  };
}

/** In the order of keys, so that no two of them wait for each other's rows. */
function batchStatements(name: string) {
  return {
    findMany: prepared(
      "find_many",
      `select key, frame from ${name} where key = any($1::bytea[]) and digest = $2 and keep_until > ${instant("$3")}`,
    ),
    putMany: prepared(
      "put_many",
      `insert into ${name} as old (key, digest, vary, fence, keep_until, size, frame, used_at)
        select key, $2, ''::bytea, fence, ${instant("until")}, size, frame, clock_timestamp()
        from unnest($1::bytea[], $3::bigint[], $4::float8[], $5::integer[], $6::bytea[])
          as new (key, fence, until, size, frame) order by key
        on conflict (key, digest) do update set vary = excluded.vary, fence = excluded.fence,
          keep_until = excluded.keep_until, size = excluded.size, frame = excluded.frame, used_at = excluded.used_at
        where excluded.fence >= old.fence or old.keep_until <= ${instant("$7")}`,
    ),
    dropMany: prepared(
      "drop_many",
      `delete from ${name} where ctid = any(array(
        select ctid from ${name} where key = any($1::bytea[]) order by key, digest for update))`,
    ),
  };
}

/** Several statements at once are one transaction, and a lock is held until its end. */
function makingStatements(name: string, table: string, schema: string | undefined) {
  const lock = `select pg_advisory_xact_lock(${lockOf("create", name)})`;
  const schemaThere = schema === undefined ? "true" : `to_regnamespace(${quoteText(quoteName(schema))}) is not null`;
  return {
    look: { text: `select to_regclass(${quoteText(name)}) is not null, ${schemaThere}` },
    createSchema: { text: `${lock}; create schema if not exists ${quoteName(schema ?? "")}` },
    create: {
      text: `${lock};
        create unlogged table if not exists ${name} (
          key bytea not null,
          digest bytea not null,
          vary bytea not null,
          fence bigint not null,
          keep_until timestamptz not null,
          used_at timestamptz not null,
          size integer not null,
          frame bytea not null,
          primary key (key, digest)
        ) with (fillfactor = 80, autovacuum_vacuum_scale_factor = 0.05);
        alter table ${name} alter frame set storage external;
        create index if not exists ${quoteName(`${table}_keep_until`)} on ${name} (keep_until)`,
    },
  };
}

function upkeepStatements(name: string) {
  const alone = `alone as materialized (select pg_try_advisory_xact_lock(${lockOf("upkeep", name)}) as it)`;
  return {
    expire: {
      text: `with ${alone} delete from ${name} where ctid = any(array(
        select ctid from ${name} where (select it from alone) and keep_until <= now() limit ${BATCH})) returning 1`,
    },
    room: { text: `select pg_table_size(${quoteText(name)}::regclass)` },
    total: { text: `select coalesce(sum(size), 0) from ${name}` },
    evict: prepared(
      "evict",
      `with ${alone}, oldest as (
        select ctid, size, used_at from ${name} where (select it from alone) order by used_at limit ${BATCH}
      ), ranked as (
        select ctid as place, sum(size) over (order by used_at, ctid) - size as before from oldest
      )
      delete from ${name} where ctid = any(array(select place from ranked where before < $1::bigint)) returning size`,
    ),
  };
}
