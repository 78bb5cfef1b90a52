import type { ChangeTable } from "@gatewayops/platform/changes/change-store.postgres";
import type { AuthChange } from "./auth-change.ts";

export const CHANGE_TABLE: ChangeTable<AuthChange> = {
  name: "pending_changes",
  columns: { keyPrefix: "key_prefix", adminEvents: "admin_events" },
};
