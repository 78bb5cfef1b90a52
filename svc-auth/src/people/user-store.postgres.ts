import { Failure } from "@gatewayops/platform/errors";
import {
  violatedConstraint,
  type Database,
  type Sql,
} from "@gatewayops/platform/postgres/database";
import { pageOf } from "../page.ts";
import type { User } from "./organization.ts";
import type { UserStore } from "./user-store.ts";

export function createPostgresUserStore(database: Database): UserStore {
  return {
    async get(orgId, userId) {
      const [row] = await database.query<UserRow>(
        "user get",
        `SELECT ${COLUMNS} FROM users WHERE org_id = $1 AND id = $2`,
        [orgId, userId],
      );
      return row && userFrom(row);
    },
    async create(orgId, user, passwordHash) {
      try {
        await database.transaction(async (sql) => {
          await sql.query("user create", INSERT, valuesOf(orgId, user));
          await writePassword(sql, [orgId, user.id, passwordHash, user.createTime]);
        });
      } catch (error) {
        if (violatedConstraint(error) !== "users_email") throw error;
        throw new Failure("ALREADY_EXISTS", "A person with this e-mail address exists.");
      }
      return user;
    },
    async ensure(orgId, fresh) {
      await database.query(
        "user ensure",
        `${INSERT} ON CONFLICT DO NOTHING`,
        valuesOf(orgId, fresh),
      );
      const [row] = await database.query<UserRow>(
        "user ensure",
        `SELECT ${COLUMNS} FROM users WHERE org_id = $1 AND email = $2`,
        [orgId, fresh.email],
      );
      if (!row) throw new Error("the user vanished");
      return userFrom(row);
    },
    async list(orgId, page) {
      const rows = await database.query<UserRow>(
        "users list",
        `SELECT ${COLUMNS} FROM users
         WHERE org_id = $1 AND ($2::text IS NULL OR email COLLATE "C" > $2)
         ORDER BY email COLLATE "C" LIMIT $3`,
        [orgId, page.after?.[0] ?? null, page.limit + 1],
      );
      return pageOf(rows.map(userFrom), page.limit, (user) => [user.email]);
    },
    async setPassword(orgId, userId, passwordHash, time) {
      await writePassword(database, [orgId, userId, passwordHash, time]);
    },
    async passwordHash(orgId, userId) {
      const [row] = await database.query<{ password_hash: string }>(
        "password get",
        "SELECT password_hash FROM user_credentials WHERE org_id = $1 AND user_id = $2",
        [orgId, userId],
      );
      return row?.password_hash;
    },
    async recordLogin(orgId, userId, time) {
      await database.query(
        "login record",
        "UPDATE users SET last_login_at = $3 WHERE org_id = $1 AND id = $2",
        [orgId, userId, time],
      );
    },
    async findForSignIn(email, limit) {
      const rows = await database.query<UserRow & { password_hash: string }>(
        "sign-in find",
        `SELECT ${COLUMNS.split(", ")
          .map((column) => `u.${column}`)
          .join(", ")}, c.password_hash
         FROM users u JOIN user_credentials c ON c.org_id = u.org_id AND c.user_id = u.id
         WHERE u.email = $1 ORDER BY u.id LIMIT $2`,
        [email, limit],
      );
      return rows.map((row) => ({ user: userFrom(row), passwordHash: row.password_hash }));
    },
  };
}

type UserRow = {
  org_id: string;
  id: string;
  email: string;
  name: string;
  role: string;
  created_at: Date;
  last_login_at: Date | null;
};

const COLUMNS = "org_id, id, email, name, role, created_at, last_login_at";
const INSERT = `INSERT INTO users (${COLUMNS}) VALUES ($1, $2, $3, $4, $5, $6, $7)`;

function valuesOf(orgId: string, user: User): unknown[] {
  return [
    orgId,
    user.id,
    user.email,
    user.name,
    user.role,
    user.createTime,
    user.lastLoginTime ?? null,
  ];
}

async function writePassword(sql: Sql, values: readonly unknown[]): Promise<void> {
  await sql.query(
    "password set",
    `INSERT INTO user_credentials (org_id, user_id, password_hash, updated_at)
     VALUES ($1, $2, $3, $4)
     ON CONFLICT (org_id, user_id)
     DO UPDATE SET password_hash = excluded.password_hash, updated_at = excluded.updated_at`,
    values,
  );
}

function userFrom(row: UserRow): User {
  return {
    id: row.id,
    orgId: row.org_id,
    email: row.email,
    name: row.name,
    role: row.role,
    createTime: row.created_at,
    lastLoginTime: row.last_login_at ?? undefined,
  };
}
