CREATE TABLE "kpi_flags" (
	"id" text PRIMARY KEY NOT NULL,
	"check" text NOT NULL,
	"rule" text NOT NULL,
	"unit" text NOT NULL,
	"region" text NOT NULL,
	"period" text NOT NULL,
	"state" text NOT NULL,
	"resolution" text,
	"p_value" double precision,
	"q_value" double precision,
	"first_seen_ms" bigint NOT NULL,
	"last_seen_ms" bigint NOT NULL,
	"body" jsonb NOT NULL
);
--> statement-breakpoint
CREATE TABLE "kpi_integrity_runs" (
	"id" bigserial PRIMARY KEY NOT NULL,
	"period" text NOT NULL,
	"started_ms" bigint NOT NULL,
	"ended_ms" bigint NOT NULL,
	"body" jsonb NOT NULL
);
--> statement-breakpoint
CREATE TABLE "kpi_unit_facts" (
	"unit" text NOT NULL,
	"period" text NOT NULL,
	"region" text NOT NULL,
	"body" jsonb NOT NULL,
	CONSTRAINT "kpi_unit_facts_unit_period_pk" PRIMARY KEY("unit","period")
);
--> statement-breakpoint
CREATE INDEX "kpi_flags_unit" ON "kpi_flags" USING btree ("unit","period");--> statement-breakpoint
CREATE INDEX "kpi_flags_state" ON "kpi_flags" USING btree ("state","last_seen_ms");--> statement-breakpoint
CREATE INDEX "kpi_integrity_runs_period" ON "kpi_integrity_runs" USING btree ("period","ended_ms");