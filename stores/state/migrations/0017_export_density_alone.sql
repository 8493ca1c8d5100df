ALTER TABLE "export_ledger" DROP COLUMN "first_ms";--> statement-breakpoint
ALTER TABLE "export_ledger" DROP COLUMN "last_ms";