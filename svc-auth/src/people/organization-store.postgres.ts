import type { Database } from "@gatewayops/platform/postgres/database";
import type { OrganizationStore } from "./organization-store.ts";
import type { Organization } from "./organization.ts";

export function createPostgresOrganizationStore(database: Database): OrganizationStore {
  return {
    async get(orgId) {
      const [row] = await database.query<OrganizationRow>(
        "organization get",
        `SELECT ${COLUMNS} FROM organizations WHERE id = $1`,
        [orgId],
      );
      return row && organizationFrom(row);
    },
    async ensure(fresh) {
      await database.query(
        "organization ensure",
        `INSERT INTO organizations (id, name, slug, rate_rps, rate_burst, created_at, updated_at)
         VALUES ($1, $2, $3, $4, $5, $6, $6) ON CONFLICT (slug) DO NOTHING`,
        [
          fresh.id,
          fresh.name,
          fresh.slug,
          fresh.rateLimit.rps,
          fresh.rateLimit.burst,
          fresh.createTime,
        ],
      );
      const [row] = await database.query<OrganizationRow>(
        "organization ensure",
        `SELECT ${COLUMNS} FROM organizations WHERE slug = $1`,
        [fresh.slug],
      );
      if (!row) throw new Error("the organisation vanished");
      return organizationFrom(row);
    },
  };
}

type OrganizationRow = {
  id: string;
  name: string;
  slug: string;
  rate_rps: number;
  rate_burst: number;
  created_at: Date;
};

const COLUMNS = "id, name, slug, rate_rps, rate_burst, created_at";

function organizationFrom(row: OrganizationRow): Organization {
  return {
    id: row.id,
    name: row.name,
    slug: row.slug,
    rateLimit: { rps: row.rate_rps, burst: row.rate_burst },
    createTime: row.created_at,
  };
}
