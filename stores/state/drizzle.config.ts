// npx drizzle-kit generate --config stores/state/drizzle.config.ts --name what_changes
import { defineConfig } from 'drizzle-kit'

export default defineConfig({
  dialect: 'postgresql',
  schema: './stores/state/schema/index.ts',
  out: './stores/state/migrations',
})
