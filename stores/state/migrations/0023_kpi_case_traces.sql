CREATE TABLE "kpi_case_traces" (
	"case_id" text NOT NULL,
	"kind" text NOT NULL,
	"at_ms" bigint NOT NULL,
	CONSTRAINT "kpi_case_traces_case_id_kind_at_ms_pk" PRIMARY KEY("case_id","kind","at_ms")
);
--> statement-breakpoint
CREATE TABLE "kpi_trace_days" (
	"sources" text NOT NULL,
	"day" bigint NOT NULL,
	CONSTRAINT "kpi_trace_days_sources_day_pk" PRIMARY KEY("sources","day")
);
--> statement-breakpoint
CREATE INDEX "kpi_case_traces_at" ON "kpi_case_traces" USING btree ("at_ms");