// Users, sessions, tokens and the link of the first start. Secrets are stored as SHA-256: they have 256 random bits.
import { createHash, randomBytes } from 'node:crypto'
import { and, asc, desc, eq, gt, isNull, lt, ne, sql } from 'drizzle-orm'
import type { Clock } from '#core/clock.ts'
import { CodedError } from '#core/errors.ts'
import { everywhere, type Jurisdiction } from '#core/jurisdiction.ts'
import { writeAudit } from '#stores/state/audit.ts'
import { apiTokens, audit, sessions, setupTokens, users } from '#stores/state/schema/index.ts'
import type { Actor, Database, Role, Transaction } from '#stores/state/state.ts'
import { hashPassword, nobodysHash, verifyPassword } from './password.ts'
import type { Principal, Scope } from './principal.ts'
import { createRecent } from './recent.ts'
import { createThrottle } from './throttle.ts'

export interface PeopleConfig {
  sessionMs: number
  sessionIdleMs: number
}

export interface SessionInfo {
  user: { id: string; name: string; role: Role; jurisdiction: Jurisdiction }
  csrfToken: string
  expiresMs: number
}
export interface NewSession extends SessionInfo {
  /** For the cookie. */
  secret: string
}

const setupMs = 24 * 3_600_000
const touchMs = 60_000
const tokenPrefix = 'gl_'

export type People = ReturnType<typeof createPeople>

export function createPeople(config: PeopleConfig, deps: { database: Database; clock: Clock }) {
  const { database, clock } = deps
  const throttle = createThrottle(clock)
  const recentTokens = createRecent<Principal>(clock)
  const recentSessions = createRecent<{ principal: Principal; info: SessionInfo }>(clock)
  /** Whatever changes people, sessions or tokens: nobody goes on being who they were. */
  const changing = async <T>(work: () => Promise<T>): Promise<T> => {
    try {
      return await work()
    } finally {
      recentTokens.forget()
      recentSessions.forget()
    }
  }

  const begin = async (tx: Transaction, user: typeof users.$inferSelect, address: string): Promise<NewSession> => {
    const secret = newSecret()
    const csrfToken = newSecret()
    const nowMs = clock.nowMs()
    const expiresMs = nowMs + config.sessionMs
    await tx.insert(sessions).values({
      ...{ idHash: digest(secret), userId: user.id, csrfToken, createdMs: nowMs, usedMs: nowMs, expiresMs, address },
    })
    await tx.update(users).set({ lastSeenMs: nowMs }).where(eq(users.id, user.id))
    const { id, name, role, jurisdiction } = user
    return { user: { id, name, role, jurisdiction }, csrfToken, expiresMs, secret }
  }

  const insertUser = async (
    tx: Transaction,
    name: string,
    role: Role,
    passwordHash: string,
    jurisdiction: Jurisdiction = everywhere,
  ) => {
    const cleaned = cleanName(name)
    const [user] = await tx
      .insert(users)
      .values({
        id: newId(),
        name: cleaned,
        nameKey: keyOf(cleaned),
        role,
        passwordHash,
        jurisdiction,
        createdMs: clock.nowMs(),
      })
      .onConflictDoNothing({ target: users.nameKey })
      .returning()
    if (!user) throw new CodedError('user.exists', { name: cleaned })
    return user
  }

  /** Nobody can lock everyone out: one admin always stays. */
  const ensureAdmin = async (tx: Transaction): Promise<void> => {
    await tx.execute(sql`select pg_advisory_xact_lock(7700)`)
    const [row] = await tx
      .select({ id: users.id })
      .from(users)
      .where(and(eq(users.role, 'admin'), eq(users.disabled, false), eq(users.jurisdiction, everywhere)))
      .limit(1)
    if (!row) throw new CodedError('user.last-admin')
  }

  return {
    async hasUsers(): Promise<boolean> {
      return (await database.select({ id: users.id }).from(users).limit(1)).length > 0
    },

    /** @throws CodedError `auth.credentials` or `rate.limited` */
    async signIn(name: string, password: string, address: string): Promise<NewSession> {
      const key = keyOf(name)
      throttle.check([key, address])
      const [user] = await database.select().from(users).where(eq(users.nameKey, key))
      const matches = await verifyPassword(password, user?.passwordHash ?? (await nobodysHash))
      if (!user || !matches || user.disabled) {
        throttle.failed([key, address])
        await writeAudit(
          database,
          actorOf('user', user?.id ?? '', name.slice(0, 128), user?.role ?? 'auditor', address),
          'session.refused',
          key.slice(0, 128),
        )
        throw new CodedError('auth.credentials')
      }
      throttle.succeeded([key, address])
      return database.transaction(async (tx) => {
        await writeAudit(tx, actorOf('user', user.id, user.name, user.role, address), 'session.begin', user.id)
        return begin(tx, user, address)
      })
    },

    async signOut(secret: string, actor: Actor): Promise<void> {
      await changing(() =>
        database.transaction(async (tx) => {
          const gone = await tx
            .delete(sessions)
            .where(eq(sessions.idHash, digest(secret)))
            .returning({ id: sessions.userId })
          if (gone.length > 0) await writeAudit(tx, actor, 'session.end', actor.id)
        }),
      )
    },

    async session(secret: string, address: string): Promise<{ principal: Principal; info: SessionInfo } | undefined> {
      const nowMs = clock.nowMs()
      const idHash = digest(secret)
      const { version } = recentSessions
      const known = recentSessions.get(idHash)
      if (known) return { ...known, principal: from(known.principal, address) }
      const [row] = await database
        .select()
        .from(sessions)
        .innerJoin(users, eq(users.id, sessions.userId))
        .where(
          and(
            eq(sessions.idHash, idHash),
            gt(sessions.expiresMs, nowMs),
            gt(sessions.usedMs, nowMs - config.sessionIdleMs),
            eq(users.disabled, false),
          ),
        )
      if (!row) return undefined
      if (nowMs - row.sessions.usedMs > touchMs) {
        await database.update(sessions).set({ usedMs: nowMs }).where(eq(sessions.idHash, idHash))
        await database.update(users).set({ lastSeenMs: nowMs }).where(eq(users.id, row.users.id))
      }
      const { id, name, role, jurisdiction } = row.users
      const { csrfToken, expiresMs } = row.sessions
      const found = {
        principal: {
          actor: actorOf('user', id, name, role, address),
          scopes: new Set<Scope>(['read', 'write']),
          jurisdiction,
          csrfToken,
        },
        info: { user: { id, name, role, jurisdiction }, csrfToken, expiresMs },
      }
      if (version === recentSessions.version) recentSessions.set(idHash, found)
      return found
    },

    async token(secret: string, address: string): Promise<Principal | undefined> {
      if (!secret.startsWith(tokenPrefix)) return undefined
      const nowMs = clock.nowMs()
      const hash = digest(secret)
      const { version } = recentTokens
      const known = recentTokens.get(hash)
      if (known) return from(known, address)
      const [found] = await database
        .select({ row: apiTokens, owner: users })
        .from(apiTokens)
        .leftJoin(users, eq(users.id, apiTokens.ownerId))
        .where(eq(apiTokens.secretHash, hash))
      const row = found?.row
      if (!row || (row.expiresMs !== null && row.expiresMs <= nowMs) || found.owner?.disabled) return undefined
      if (row.lastUsedMs === null || nowMs - row.lastUsedMs > touchMs)
        await database.update(apiTokens).set({ lastUsedMs: nowMs }).where(eq(apiTokens.id, row.id))
      const principal: Principal = {
        actor: {
          ...actorOf('token', row.id, row.name, row.role, address),
          ...(found.owner ? { person: found.owner.name } : {}),
        },
        scopes: new Set<Scope>(row.scopes),
        jurisdiction: row.jurisdiction,
      }
      if (version === recentTokens.version) recentTokens.set(hash, principal)
      return principal
    },

    /** A link for the first admin; earlier links stop working. */
    async createSetupToken(): Promise<string> {
      const secret = newSecret()
      const nowMs = clock.nowMs()
      await database.transaction(async (tx) => {
        await tx.delete(setupTokens)
        await tx
          .insert(setupTokens)
          .values({ secretHash: digest(secret), createdMs: nowMs, expiresMs: nowMs + setupMs })
      })
      return secret
    },

    async setupValid(secret: string): Promise<boolean> {
      const rows = await database.select().from(setupTokens).where(openSetup(secret, clock.nowMs()))
      return rows.length > 0
    },

    /** @throws CodedError `setup.used` */
    async setup(secret: string, name: string, password: string, address: string): Promise<NewSession> {
      // Before the costly part: anyone may ask.
      const open = await database.select().from(setupTokens).where(openSetup(secret, clock.nowMs()))
      if (open.length === 0) throw new CodedError('setup.used')
      const passwordHash = await hashPassword(password)
      return database.transaction(async (tx) => {
        const nowMs = clock.nowMs()
        const used = await tx.update(setupTokens).set({ usedMs: nowMs }).where(openSetup(secret, nowMs)).returning()
        if (used.length === 0) throw new CodedError('setup.used')
        const user = await insertUser(tx, name, 'admin', passwordHash)
        await writeAudit(tx, actorOf('user', user.id, user.name, 'admin', address), 'setup.complete', user.id)
        return begin(tx, user, address)
      })
    },

    async users() {
      const rows = await database.select().from(users).orderBy(asc(users.nameKey))
      return rows.map(({ passwordHash: _, nameKey: __, ...user }) => user)
    },

    async addUser(
      actor: Actor,
      body: { name: string; password: string; role: Role; jurisdiction?: Jurisdiction | undefined },
    ) {
      const passwordHash = await hashPassword(body.password)
      return database.transaction(async (tx) => {
        const {
          passwordHash: _,
          nameKey: __,
          ...user
        } = await insertUser(tx, body.name, body.role, passwordHash, body.jurisdiction)
        const { name, role, jurisdiction } = user
        await writeAudit(tx, actor, 'user.add', user.id, { name, role, jurisdiction })
        return user
      })
    },

    async changeUser(
      actor: Actor,
      id: string,
      change: {
        role?: Role | undefined
        disabled?: boolean | undefined
        password?: string | undefined
        jurisdiction?: Jurisdiction | undefined
      },
    ) {
      const passwordHash = change.password === undefined ? undefined : await hashPassword(change.password)
      const work = async (tx: Transaction) => {
        const set = {
          ...(change.role === undefined ? {} : { role: change.role }),
          ...(change.disabled === undefined ? {} : { disabled: change.disabled }),
          ...(change.jurisdiction === undefined ? {} : { jurisdiction: change.jurisdiction }),
          ...(passwordHash === undefined ? {} : { passwordHash }),
        }
        if (Object.keys(set).length > 0) await tx.update(users).set(set).where(eq(users.id, id))
        const [row] = await tx.select().from(users).where(eq(users.id, id))
        if (!row) throw new CodedError('not-found', { what: `The user ${id}` })
        await ensureAdmin(tx)
        // Whoever changed role or password signs in again, everywhere but where the change was made.
        await tx
          .delete(sessions)
          .where(and(eq(sessions.userId, id), actor.id === id ? ne(sessions.userId, id) : sql`true`))
        const { password: _p, ...shown } = change
        await writeAudit(tx, actor, 'user.change', id, { ...shown, ...(passwordHash ? { password: 'changed' } : {}) })
        const { passwordHash: _, nameKey: __, ...user } = row
        return user
      }
      return changing(() => database.transaction(work))
    },

    async removeUser(actor: Actor, id: string): Promise<void> {
      await changing(() =>
        database.transaction(async (tx) => {
          const [gone] = await tx.delete(users).where(eq(users.id, id)).returning()
          if (!gone) throw new CodedError('not-found', { what: `The user ${id}` })
          await ensureAdmin(tx)
          await writeAudit(tx, actor, 'user.remove', id, { name: gone.name, role: gone.role })
        }),
      )
    },

    async tokens() {
      const rows = await database.select().from(apiTokens).orderBy(asc(apiTokens.createdMs))
      return rows.map(({ secretHash: _, ...token }) => token)
    },

    async addToken(
      actor: Actor,
      body: {
        name: string
        role: Role
        scopes: Scope[]
        expiresMs: number | null
        jurisdiction?: Jurisdiction | undefined
      },
      /** Name of the user it is made for; without one it belongs to who makes it. */
      owner?: string,
    ) {
      const secret = tokenPrefix + newSecret()
      return database.transaction(async (tx) => {
        const name = owner ?? (actor.kind === 'user' ? actor.name : actor.person)
        const [user] =
          name === undefined
            ? []
            : await tx
                .select()
                .from(users)
                .where(eq(users.nameKey, keyOf(name)))
        if (owner !== undefined && !user) throw new CodedError('not-found', { what: `The user ${owner}` })
        const [row] = await tx
          .insert(apiTokens)
          .values({
            id: newId(),
            ...body,
            ownerId: user?.id ?? null,
            name: cleanName(body.name),
            scopes: [...new Set(body.scopes)],
            secretHash: digest(secret),
            createdMs: clock.nowMs(),
          })
          .returning()
        const { secretHash: _, ...token } = row!
        await writeAudit(tx, actor, 'token.add', token.id, {
          ...{ name: token.name, role: token.role, scopes: token.scopes, owner: user?.name ?? '' },
        })
        return { ...token, secret }
      })
    },

    async removeToken(actor: Actor, id: string): Promise<void> {
      await changing(() =>
        database.transaction(async (tx) => {
          const [gone] = await tx.delete(apiTokens).where(eq(apiTokens.id, id)).returning()
          if (!gone) throw new CodedError('not-found', { what: `The token ${id}` })
          await writeAudit(tx, actor, 'token.remove', id, { name: gone.name })
        }),
      )
    },

    async audit(before: number | undefined, limit: number) {
      const rows = await database
        .select()
        .from(audit)
        .where(before === undefined ? undefined : lt(audit.id, before))
        .orderBy(desc(audit.id))
        .limit(limit)
      return rows.map(({ id, atMs, actor, actorKind, action, object, detail, address }) => ({
        ...{ id: String(id), atMs, actor, actorKind, action, object, detail, address },
      }))
    },

    /** Sessions and links that can no longer be used. */
    async sweep(): Promise<void> {
      const nowMs = clock.nowMs()
      await database.delete(sessions).where(lt(sessions.expiresMs, nowMs))
      await database.delete(sessions).where(lt(sessions.usedMs, nowMs - config.sessionIdleMs))
      await database.delete(setupTokens).where(lt(setupTokens.expiresMs, nowMs))
    },
  }
}

function openSetup(secret: string, nowMs: number) {
  return and(eq(setupTokens.secretHash, digest(secret)), isNull(setupTokens.usedMs), gt(setupTokens.expiresMs, nowMs))
}

function actorOf(kind: Actor['kind'], id: string, name: string, role: Role, address: string): Actor {
  return { kind, id, name, role, address }
}

/** The same one, asking from there. */
function from(principal: Principal, address: string): Principal {
  return { ...principal, actor: { ...principal.actor, address } }
}

/** @throws CodedError `body.invalid` */
function cleanName(name: string): string {
  const cleaned = name.normalize('NFKC').replace(/\s+/g, ' ').trim()
  if (cleaned === '' || /\p{C}/u.test(cleaned))
    throw new CodedError('body.invalid', { cause: 'the name is empty or has invisible characters' })
  return cleaned
}

function keyOf(name: string): string {
  return name.normalize('NFKC').replace(/\s+/g, ' ').trim().toLowerCase()
}

function newSecret(): string {
  return randomBytes(32).toString('base64url')
}

function newId(): string {
  return randomBytes(9).toString('base64url')
}

function digest(secret: string): string {
  return createHash('sha256').update(secret).digest('hex')
}
