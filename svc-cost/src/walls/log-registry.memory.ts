import { CLOSED_KEEP_MS, LOST_MS, OPENING_MS, type LogRegistry } from "./log-registry.ts";

type Log = { readonly directoryId: string; readonly openTime: Date; closeTime: Date | undefined };

export function createMemoryLogRegistry(): LogRegistry {
  const logs = new Map<string, Log>();
  const directories = new Map<string, Date>();
  const open = (directoryId: string, logId: string, openTime: Date): void => {
    const known = logs.get(logId);
    if (known) known.closeTime = undefined;
    else logs.set(logId, { directoryId, openTime, closeTime: undefined });
  };
  /** Open logs by when their gateway was heard of last, milliseconds since 1970. */
  const openWhere = (fits: (heardMs: number) => boolean): string[] =>
    [...logs]
      .filter(
        ([, { directoryId, openTime, closeTime }]) =>
          closeTime === undefined &&
          fits(Math.max(directories.get(directoryId)?.getTime() ?? 0, openTime.getTime())),
      )
      .map(([logId]) => logId)
      .sort();
  return {
    open(directoryId, logId, time) {
      open(directoryId, logId, time);
      return Promise.resolve();
    },
    report(directoryId, logIds, time) {
      const heard = directories.get(directoryId);
      if (!heard || heard < time) directories.set(directoryId, time);
      for (const logId of logIds) open(directoryId, logId, time);
      for (const [logId, log] of logs)
        if (
          log.directoryId === directoryId &&
          log.openTime.getTime() < time.getTime() - OPENING_MS &&
          !logIds.includes(logId)
        )
          log.closeTime ??= time;
      return Promise.resolve();
    },
    openLogs: (time) => Promise.resolve(openWhere((heard) => heard >= time.getTime() - LOST_MS)),
    lostLogs: (time) => Promise.resolve(openWhere((heard) => heard < time.getTime() - LOST_MS)),
    closedOf: (logIds) =>
      Promise.resolve(
        logIds
          .filter((logId) => {
            const log = logs.get(logId);
            return !log || log.closeTime !== undefined;
          })
          .sort(),
      ),
    purge(time) {
      const before = time.getTime() - CLOSED_KEEP_MS;
      for (const [logId, { closeTime }] of logs)
        if (closeTime && closeTime.getTime() < before) logs.delete(logId);
      return Promise.resolve();
    },
  };
}
