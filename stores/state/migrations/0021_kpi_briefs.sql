CREATE TABLE "kpi_brief_deliveries" (
	"id" text PRIMARY KEY NOT NULL,
	"issue" text NOT NULL,
	"receiver" text NOT NULL,
	"part" text NOT NULL,
	"round" integer NOT NULL,
	"state" text NOT NULL,
	"attempts" integer NOT NULL,
	"created_ms" bigint NOT NULL,
	"next_attempt_ms" bigint NOT NULL,
	"deadline_ms" bigint NOT NULL,
	"attempt_until_ms" bigint NOT NULL,
	"finished_ms" bigint,
	"last_error" text NOT NULL,
	"asked_by" text NOT NULL
);
--> statement-breakpoint
CREATE TABLE "kpi_brief_files" (
	"issue" text NOT NULL,
	"format" text NOT NULL,
	"name" text NOT NULL,
	"bytes" integer NOT NULL,
	"hash" text NOT NULL,
	"content" "bytea" NOT NULL,
	CONSTRAINT "kpi_brief_files_issue_format_pk" PRIMARY KEY("issue","format")
);
--> statement-breakpoint
CREATE TABLE "kpi_brief_issues" (
	"id" text PRIMARY KEY NOT NULL,
	"series" text NOT NULL,
	"period" text NOT NULL,
	"state" text NOT NULL,
	"cause" text NOT NULL,
	"due_ms" bigint NOT NULL,
	"made_ms" bigint NOT NULL,
	"made_by" text NOT NULL,
	"title" text NOT NULL,
	"regions" jsonb NOT NULL,
	"departments" jsonb NOT NULL,
	"summary" jsonb NOT NULL,
	"year" integer,
	"issue" integer,
	"total" integer,
	"as_of_ms" bigint,
	"known_ms" bigint,
	"checkpoint" jsonb,
	"hash" text,
	"leaf_index" bigint
);
--> statement-breakpoint
CREATE TABLE "kpi_brief_series" (
	"name" text PRIMARY KEY NOT NULL,
	"since_ms" bigint NOT NULL
);
--> statement-breakpoint
ALTER TABLE "kpi_brief_deliveries" ADD CONSTRAINT "kpi_brief_deliveries_issue_kpi_brief_issues_id_fk" FOREIGN KEY ("issue") REFERENCES "public"."kpi_brief_issues"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "kpi_brief_files" ADD CONSTRAINT "kpi_brief_files_issue_kpi_brief_issues_id_fk" FOREIGN KEY ("issue") REFERENCES "public"."kpi_brief_issues"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
CREATE UNIQUE INDEX "kpi_brief_deliveries_once" ON "kpi_brief_deliveries" USING btree ("issue","receiver","part","round");--> statement-breakpoint
CREATE INDEX "kpi_brief_deliveries_open" ON "kpi_brief_deliveries" USING btree ("state","next_attempt_ms");--> statement-breakpoint
CREATE UNIQUE INDEX "kpi_brief_issues_period" ON "kpi_brief_issues" USING btree ("series","period");--> statement-breakpoint
CREATE UNIQUE INDEX "kpi_brief_issues_total" ON "kpi_brief_issues" USING btree ("series","total");--> statement-breakpoint
CREATE UNIQUE INDEX "kpi_brief_issues_issue" ON "kpi_brief_issues" USING btree ("series","year","issue");--> statement-breakpoint
CREATE TRIGGER kpi_brief_files_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON "kpi_brief_files" FOR EACH STATEMENT EXECUTE FUNCTION kpi_is_append_only();
