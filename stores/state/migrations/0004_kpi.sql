CREATE TABLE "kpi_entries" (
	"id" bigserial PRIMARY KEY NOT NULL,
	"publication" integer NOT NULL,
	"kind" text NOT NULL,
	"entry_id" text NOT NULL,
	"valid_from_ms" bigint,
	"valid_to_ms" bigint,
	"removed" boolean NOT NULL,
	"body" jsonb NOT NULL
);
--> statement-breakpoint
CREATE TABLE "kpi_publications" (
	"version" serial PRIMARY KEY NOT NULL,
	"state" text NOT NULL,
	"note" text NOT NULL,
	"proposed_by" text NOT NULL,
	"proposed_ms" bigint NOT NULL,
	"decided_by" text,
	"decided_ms" bigint,
	"counts" jsonb NOT NULL,
	"hash" text NOT NULL
);
--> statement-breakpoint
CREATE TABLE "kpi_restatements" (
	"id" text PRIMARY KEY NOT NULL,
	"state" text NOT NULL,
	"body" jsonb NOT NULL,
	"proposed_by" text NOT NULL,
	"proposed_ms" bigint NOT NULL,
	"approved_by" jsonb NOT NULL,
	"known_ms" bigint
);
--> statement-breakpoint
CREATE INDEX "kpi_entries_publication" ON "kpi_entries" USING btree ("publication");--> statement-breakpoint
CREATE INDEX "kpi_entries_entry" ON "kpi_entries" USING btree ("kind","entry_id");