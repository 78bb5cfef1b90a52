import type { Page, PageRequest } from "../page.ts";
import type { User } from "./organization.ts";

/** People and their passwords. */
export type UserStore = {
  get(orgId: string, userId: string): Promise<User | undefined>;
  /** Adds a person with a password. Fails with ALREADY_EXISTS when the organisation has one with the address. */
  create(orgId: string, user: User, passwordHash: string): Promise<User>;
  /** The person of the address, made from `fresh`, without a password, when there is none. Safe to repeat and to race. */
  ensure(orgId: string, fresh: User): Promise<User>;
  /** By e-mail address in the order of code points. Sort key [email]. */
  list(orgId: string, page: PageRequest): Promise<Page<User>>;
  /** Sets an argon2id hash as the person's only password. */
  setPassword(orgId: string, userId: string, passwordHash: string, time: Date): Promise<void>;
  passwordHash(orgId: string, userId: string): Promise<string | undefined>;
  recordLogin(orgId: string, userId: string, time: Date): Promise<void>;
  /**
   * People with a password and this address in any organisation, at most `limit`: at sign-in the organisation is not
   * known yet. The one function without an organisation.
   */
  findForSignIn(email: string, limit: number): Promise<SignInCandidate[]>;
};

export type SignInCandidate = { readonly user: User; readonly passwordHash: string };
