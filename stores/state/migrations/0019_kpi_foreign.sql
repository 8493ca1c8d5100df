CREATE TABLE "kpi_foreign_days" (
	"sources" text NOT NULL,
	"day" bigint NOT NULL,
	"named" bigint NOT NULL,
	"unreported" bigint NOT NULL,
	CONSTRAINT "kpi_foreign_days_sources_day_pk" PRIMARY KEY("sources","day")
);
--> statement-breakpoint
CREATE TABLE "kpi_foreign_traces" (
	"case_id" text NOT NULL,
	"kind" text NOT NULL,
	"unit" text NOT NULL,
	"at_ms" bigint NOT NULL,
	CONSTRAINT "kpi_foreign_traces_case_id_kind_pk" PRIMARY KEY("case_id","kind")
);
--> statement-breakpoint
CREATE INDEX "kpi_foreign_traces_at" ON "kpi_foreign_traces" USING btree ("at_ms");