DROP TABLE "kpi_case_traces" CASCADE;--> statement-breakpoint
DELETE FROM "kpi_trace_days";
