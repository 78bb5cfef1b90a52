import type { Database } from "@gatewayops/platform/postgres/database";
import { CLOSED_KEEP_MS, LOST_MS, OPENING_MS, type LogRegistry } from "./log-registry.ts";

export function createPostgresLogRegistry(database: Database): LogRegistry {
  return {
    async open(directoryId, logId, time) {
      await database.query("log open", OPEN, [logId, directoryId, time]);
    },
    report: (directoryId, logIds, time) =>
      database.transaction(async (sql) => {
        await sql.query("logs heard of", HEARD, [directoryId, time]);
        await sql.query("logs reopen", REOPEN, [logIds, directoryId, time]);
        const before = new Date(time.getTime() - OPENING_MS);
        await sql.query("logs close", CLOSE, [directoryId, logIds, time, before]);
      }),
    async openLogs(time) {
      const since = new Date(time.getTime() - LOST_MS);
      const rows = await database.query<LogRow>("logs open", OPEN_LOGS, [since]);
      return rows.map(({ id }) => id);
    },
    async lostLogs(time) {
      const since = new Date(time.getTime() - LOST_MS);
      const rows = await database.query<LogRow>("logs lost", LOST_LOGS, [since]);
      return rows.map(({ id }) => id);
    },
    async closedOf(logIds) {
      if (logIds.length === 0) return [];
      const rows = await database.query<LogRow>("logs closed", CLOSED_OF, [logIds]);
      return rows.map(({ id }) => id);
    },
    async purge(time) {
      const before = new Date(time.getTime() - CLOSED_KEEP_MS);
      await database.query("logs purge", PURGE, [before]);
    },
  };
}

type LogRow = { id: string };

const OPEN = `
  INSERT INTO write_ahead_logs (log_id, directory_id, open_time)
  VALUES (decode($1, 'hex'), decode($2, 'hex'), $3)
  ON CONFLICT (log_id) DO UPDATE SET close_time = NULL`;

const HEARD = `
  INSERT INTO log_directories (directory_id, report_time) VALUES (decode($1, 'hex'), $2)
  ON CONFLICT (directory_id) DO UPDATE SET report_time = greatest(log_directories.report_time, excluded.report_time)`;

const REOPEN = `
  INSERT INTO write_ahead_logs (log_id, directory_id, open_time)
  SELECT decode(id, 'hex'), decode($2, 'hex'), $3 FROM unnest($1::text[]) AS id
  ON CONFLICT (log_id) DO UPDATE SET close_time = NULL`;

const CLOSE = `
  UPDATE write_ahead_logs SET close_time = $3
  WHERE directory_id = decode($1, 'hex') AND close_time IS NULL AND open_time < $4
    AND log_id NOT IN (SELECT decode(id, 'hex') FROM unnest($2::text[]) AS id)`;

const OPEN_LOGS = openLogsSql(">=");

const LOST_LOGS = openLogsSql("<");

function openLogsSql(heard: ">=" | "<"): string {
  return `
    SELECT encode(log_id, 'hex') AS id
    FROM write_ahead_logs LEFT JOIN log_directories USING (directory_id)
    WHERE close_time IS NULL AND greatest(report_time, open_time) ${heard} $1
    ORDER BY log_id`;
}

const CLOSED_OF = `
  SELECT asked.id AS id
  FROM unnest($1::text[]) AS asked (id) LEFT JOIN write_ahead_logs ON log_id = decode(asked.id, 'hex')
  WHERE log_id IS NULL OR close_time IS NOT NULL
  ORDER BY asked.id`;

const PURGE = `DELETE FROM write_ahead_logs WHERE close_time < $1`;
