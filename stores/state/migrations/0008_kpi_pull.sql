CREATE TABLE "kpi_pull_runs" (
	"id" bigserial PRIMARY KEY NOT NULL,
	"source" text NOT NULL,
	"started_ms" bigint NOT NULL,
	"ended_ms" bigint NOT NULL,
	"rows" bigint DEFAULT 0 NOT NULL,
	"stored" bigint DEFAULT 0 NOT NULL,
	"duplicates" bigint DEFAULT 0 NOT NULL,
	"late" bigint DEFAULT 0 NOT NULL,
	"set_aside" bigint DEFAULT 0 NOT NULL,
	"error_code" text,
	"error_message" text
);
--> statement-breakpoint
CREATE TABLE "kpi_pull_set_aside" (
	"source" text NOT NULL,
	"row_key" text NOT NULL,
	"cause" text NOT NULL,
	"hint" text NOT NULL,
	"first_ms" bigint NOT NULL,
	"last_ms" bigint NOT NULL,
	CONSTRAINT "kpi_pull_set_aside_source_row_key_pk" PRIMARY KEY("source","row_key")
);
--> statement-breakpoint
CREATE TABLE "kpi_pull_sources" (
	"id" text PRIMARY KEY NOT NULL,
	"updated" text,
	"cursor_id" text,
	"types" jsonb DEFAULT '{}'::jsonb NOT NULL,
	"state" text DEFAULT 'new' NOT NULL,
	"error_code" text,
	"error_message" text,
	"error_hint" text,
	"failures" integer DEFAULT 0 NOT NULL,
	"failed_since_ms" bigint,
	"last_run_ms" bigint,
	"last_ok_ms" bigint,
	"next_ms" bigint DEFAULT 0 NOT NULL,
	"wanted_ms" bigint,
	"rows" bigint DEFAULT 0 NOT NULL,
	"stored" bigint DEFAULT 0 NOT NULL,
	"duplicates" bigint DEFAULT 0 NOT NULL,
	"late" bigint DEFAULT 0 NOT NULL,
	"remarks" jsonb DEFAULT '[]'::jsonb NOT NULL
);
--> statement-breakpoint
CREATE INDEX "kpi_pull_runs_source" ON "kpi_pull_runs" USING btree ("source","id");