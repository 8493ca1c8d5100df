CREATE TABLE "kpi_declared_counts" (
	"id" bigserial PRIMARY KEY NOT NULL,
	"region" text NOT NULL,
	"department" text NOT NULL,
	"month" text NOT NULL,
	"cohort" text NOT NULL,
	"count" bigint NOT NULL,
	"note" text NOT NULL,
	"declared_by" text NOT NULL,
	"declared_ms" bigint NOT NULL
);
--> statement-breakpoint
CREATE TABLE "kpi_attachments" (
	"id" text PRIMARY KEY NOT NULL,
	"question" text NOT NULL,
	"entry" bigint NOT NULL,
	"name" text NOT NULL,
	"type" text NOT NULL,
	"bytes" integer NOT NULL,
	"hash" text NOT NULL,
	"content" "bytea" NOT NULL,
	"added_by" text NOT NULL
);
--> statement-breakpoint
CREATE TABLE "kpi_question_entries" (
	"id" bigserial PRIMARY KEY NOT NULL,
	"question" text NOT NULL,
	"at_ms" bigint NOT NULL,
	"kind" text NOT NULL,
	"actor" text NOT NULL,
	"text" text NOT NULL,
	"body" jsonb NOT NULL
);
--> statement-breakpoint
CREATE TABLE "kpi_questions" (
	"id" text PRIMARY KEY NOT NULL,
	"kind" text NOT NULL,
	"state" text NOT NULL,
	"verdict" text,
	"kpi" text NOT NULL,
	"period" text NOT NULL,
	"dimensions" jsonb NOT NULL,
	"region" text NOT NULL,
	"department" text NOT NULL,
	"title" text NOT NULL,
	"flags" jsonb NOT NULL,
	"owner" text NOT NULL,
	"raised_by" text NOT NULL,
	"raised_ms" bigint NOT NULL,
	"deadline_day" integer NOT NULL,
	"deadline_ms" bigint NOT NULL,
	"calendar_version" text NOT NULL,
	"escalated_ms" bigint,
	"settled_by" text,
	"settled_ms" bigint,
	"checked_period" text
);
--> statement-breakpoint
CREATE TABLE "kpi_releases" (
	"period" text PRIMARY KEY NOT NULL,
	"state" text NOT NULL,
	"opened_by" text NOT NULL,
	"opened_ms" bigint NOT NULL,
	"appeal_day" integer NOT NULL,
	"appeal_until_ms" bigint NOT NULL,
	"frozen_by" text,
	"frozen_ms" bigint,
	"figures" jsonb,
	"hash" text,
	"signed_by" text,
	"signed_ms" bigint,
	"leaf_index" bigint
);
--> statement-breakpoint
ALTER TABLE "kpi_attachments" ADD CONSTRAINT "kpi_attachments_question_kpi_questions_id_fk" FOREIGN KEY ("question") REFERENCES "public"."kpi_questions"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "kpi_question_entries" ADD CONSTRAINT "kpi_question_entries_question_kpi_questions_id_fk" FOREIGN KEY ("question") REFERENCES "public"."kpi_questions"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
CREATE INDEX "kpi_declared_counts_unit" ON "kpi_declared_counts" USING btree ("department","month");--> statement-breakpoint
CREATE INDEX "kpi_attachments_question" ON "kpi_attachments" USING btree ("question");--> statement-breakpoint
CREATE INDEX "kpi_question_entries_question" ON "kpi_question_entries" USING btree ("question","id");--> statement-breakpoint
CREATE INDEX "kpi_questions_open" ON "kpi_questions" USING btree ("deadline_ms") WHERE "kpi_questions"."state" in ('open', 'replied');--> statement-breakpoint
CREATE INDEX "kpi_questions_unit" ON "kpi_questions" USING btree ("department","period");
--> statement-breakpoint
CREATE FUNCTION kpi_is_append_only() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  RAISE EXCEPTION '% is append-only', TG_TABLE_NAME;
END
$$;
--> statement-breakpoint
CREATE FUNCTION kpi_release_stands() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF OLD.figures IS NOT NULL AND (NEW.figures IS DISTINCT FROM OLD.figures OR NEW.hash IS DISTINCT FROM OLD.hash)
    OR OLD.state = 'published' AND NEW IS DISTINCT FROM OLD THEN
    RAISE EXCEPTION 'the release of % is frozen', OLD.period;
  END IF;
  RETURN NEW;
END
$$;
--> statement-breakpoint
CREATE TRIGGER kpi_declared_counts_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON "kpi_declared_counts" FOR EACH STATEMENT EXECUTE FUNCTION kpi_is_append_only();
--> statement-breakpoint
CREATE TRIGGER kpi_question_entries_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON "kpi_question_entries" FOR EACH STATEMENT EXECUTE FUNCTION kpi_is_append_only();
--> statement-breakpoint
CREATE TRIGGER kpi_attachments_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON "kpi_attachments" FOR EACH STATEMENT EXECUTE FUNCTION kpi_is_append_only();
--> statement-breakpoint
CREATE TRIGGER kpi_releases_stand BEFORE UPDATE ON "kpi_releases" FOR EACH ROW EXECUTE FUNCTION kpi_release_stands();
