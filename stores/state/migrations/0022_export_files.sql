ALTER TABLE "export_ledger" ADD COLUMN "sha256" text;--> statement-breakpoint
ALTER TABLE "export_ledger" ADD COLUMN "bytes" bigint DEFAULT 0 NOT NULL;--> statement-breakpoint
CREATE INDEX "export_ledger_sha256" ON "export_ledger" USING btree ("sha256");