CREATE TABLE "incident_alerts" (
	"story_key" text NOT NULL,
	"fingerprint" text NOT NULL,
	"incident_id" text NOT NULL,
	"alert_id" text,
	CONSTRAINT "incident_alerts_story_key_fingerprint_pk" PRIMARY KEY("story_key","fingerprint")
);
--> statement-breakpoint
CREATE TABLE "incident_custody" (
	"id" bigserial PRIMARY KEY NOT NULL,
	"evidence_id" text NOT NULL,
	"at_ms" bigint NOT NULL,
	"action" text NOT NULL,
	"actor" text NOT NULL,
	"address" text NOT NULL,
	"detail" text NOT NULL
);
--> statement-breakpoint
CREATE TABLE "incident_duty" (
	"id" bigserial PRIMARY KEY NOT NULL,
	"name" text NOT NULL,
	"from_ms" bigint NOT NULL,
	"until_ms" bigint
);
--> statement-breakpoint
CREATE TABLE "incident_evidence" (
	"id" text PRIMARY KEY NOT NULL,
	"incident_id" text NOT NULL,
	"kind" text NOT NULL,
	"name" text NOT NULL,
	"media_type" text NOT NULL,
	"bytes" bigint NOT NULL,
	"records" integer,
	"sha256" text NOT NULL,
	"sm3" text NOT NULL,
	"note" text NOT NULL,
	"added_by" text NOT NULL,
	"added_ms" bigint NOT NULL,
	"bounds" jsonb NOT NULL
);
--> statement-breakpoint
CREATE TABLE "incident_reports" (
	"id" text PRIMARY KEY NOT NULL,
	"incident_id" text NOT NULL,
	"kind" text NOT NULL,
	"rule" text NOT NULL,
	"operator" text NOT NULL,
	"recipient" text NOT NULL,
	"channel" text NOT NULL,
	"due_ms" bigint,
	"filed_ms" bigint NOT NULL,
	"filed_by" text NOT NULL,
	"form" jsonb NOT NULL,
	"sm3" text NOT NULL
);
--> statement-breakpoint
CREATE TABLE "incident_steps" (
	"incident_id" text NOT NULL,
	"playbook" text NOT NULL,
	"step" text NOT NULL,
	"state" text NOT NULL,
	"by" text NOT NULL,
	"at_ms" bigint NOT NULL,
	"note" text NOT NULL,
	CONSTRAINT "incident_steps_incident_id_playbook_step_pk" PRIMARY KEY("incident_id","playbook","step")
);
--> statement-breakpoint
CREATE TABLE "incident_stories" (
	"key" text PRIMARY KEY NOT NULL,
	"incident_id" text NOT NULL,
	"draft" jsonb NOT NULL,
	"over" boolean NOT NULL
);
--> statement-breakpoint
CREATE TABLE "incident_tasks" (
	"id" text PRIMARY KEY NOT NULL,
	"incident_id" text NOT NULL,
	"text" text NOT NULL,
	"assignee" text,
	"due_ms" bigint,
	"created_ms" bigint NOT NULL,
	"done_by" text,
	"done_ms" bigint
);
--> statement-breakpoint
CREATE TABLE "incident_timeline" (
	"id" bigserial PRIMARY KEY NOT NULL,
	"incident_id" text NOT NULL,
	"at_ms" bigint NOT NULL,
	"kind" text NOT NULL,
	"actor" text NOT NULL,
	"text" text NOT NULL,
	"detail" jsonb NOT NULL
);
--> statement-breakpoint
CREATE TABLE "incidents" (
	"id" text PRIMARY KEY NOT NULL,
	"number" bigserial NOT NULL,
	"kind" text NOT NULL,
	"title" jsonb NOT NULL,
	"severity" text NOT NULL,
	"severity_set" boolean DEFAULT false NOT NULL,
	"score" integer NOT NULL,
	"state" text DEFAULT 'new' NOT NULL,
	"disposition" text,
	"owner" text,
	"people" jsonb DEFAULT '[]'::jsonb NOT NULL,
	"category" text,
	"grade" text,
	"assessment" jsonb,
	"operator" text NOT NULL,
	"playbook" text,
	"entities" jsonb NOT NULL,
	"tactics" jsonb NOT NULL,
	"techniques" jsonb NOT NULL,
	"rules" jsonb NOT NULL,
	"alert_count" integer NOT NULL,
	"cause" text DEFAULT '' NOT NULL,
	"lessons" text DEFAULT '' NOT NULL,
	"form" jsonb DEFAULT '{}'::jsonb NOT NULL,
	"merged_into" text,
	"snoozed_until_ms" bigint,
	"version" integer DEFAULT 1 NOT NULL,
	"changed_by" text NOT NULL,
	"changed_ms" bigint NOT NULL,
	"started_ms" bigint NOT NULL,
	"last_ms" bigint NOT NULL,
	"discovered_ms" bigint NOT NULL,
	"opened_ms" bigint NOT NULL,
	"triaged_ms" bigint,
	"graded_ms" bigint,
	"contained_ms" bigint,
	"recovered_ms" bigint,
	"closed_ms" bigint,
	"reopened_count" integer DEFAULT 0 NOT NULL,
	CONSTRAINT "incidents_number_unique" UNIQUE("number")
);
--> statement-breakpoint
ALTER TABLE "incident_alerts" ADD CONSTRAINT "incident_alerts_story_key_incident_stories_key_fk" FOREIGN KEY ("story_key") REFERENCES "public"."incident_stories"("key") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "incident_alerts" ADD CONSTRAINT "incident_alerts_incident_id_incidents_id_fk" FOREIGN KEY ("incident_id") REFERENCES "public"."incidents"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "incident_custody" ADD CONSTRAINT "incident_custody_evidence_id_incident_evidence_id_fk" FOREIGN KEY ("evidence_id") REFERENCES "public"."incident_evidence"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "incident_evidence" ADD CONSTRAINT "incident_evidence_incident_id_incidents_id_fk" FOREIGN KEY ("incident_id") REFERENCES "public"."incidents"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "incident_reports" ADD CONSTRAINT "incident_reports_incident_id_incidents_id_fk" FOREIGN KEY ("incident_id") REFERENCES "public"."incidents"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "incident_steps" ADD CONSTRAINT "incident_steps_incident_id_incidents_id_fk" FOREIGN KEY ("incident_id") REFERENCES "public"."incidents"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "incident_stories" ADD CONSTRAINT "incident_stories_incident_id_incidents_id_fk" FOREIGN KEY ("incident_id") REFERENCES "public"."incidents"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "incident_tasks" ADD CONSTRAINT "incident_tasks_incident_id_incidents_id_fk" FOREIGN KEY ("incident_id") REFERENCES "public"."incidents"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "incident_timeline" ADD CONSTRAINT "incident_timeline_incident_id_incidents_id_fk" FOREIGN KEY ("incident_id") REFERENCES "public"."incidents"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
CREATE INDEX "incident_alerts_incident" ON "incident_alerts" USING btree ("incident_id");--> statement-breakpoint
CREATE INDEX "incident_custody_evidence" ON "incident_custody" USING btree ("evidence_id","id");--> statement-breakpoint
CREATE INDEX "incident_evidence_incident" ON "incident_evidence" USING btree ("incident_id");--> statement-breakpoint
CREATE INDEX "incident_reports_incident" ON "incident_reports" USING btree ("incident_id");--> statement-breakpoint
CREATE INDEX "incident_stories_incident" ON "incident_stories" USING btree ("incident_id");--> statement-breakpoint
CREATE INDEX "incident_tasks_incident" ON "incident_tasks" USING btree ("incident_id");--> statement-breakpoint
CREATE INDEX "incident_timeline_incident" ON "incident_timeline" USING btree ("incident_id","id");--> statement-breakpoint
CREATE INDEX "incidents_open" ON "incidents" USING btree ("opened_ms") WHERE "incidents"."state" <> 'closed';--> statement-breakpoint
CREATE INDEX "incidents_closed" ON "incidents" USING btree ("closed_ms");--> statement-breakpoint
-- What was done, kept as evidence or filed can grow and do nothing else, whoever asks through whatever connection.
CREATE FUNCTION incident_is_append_only() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  RAISE EXCEPTION '% is append-only', TG_TABLE_NAME;
END
$$;
--> statement-breakpoint
CREATE TRIGGER incident_timeline_append_only BEFORE UPDATE OR DELETE ON "incident_timeline" FOR EACH ROW EXECUTE FUNCTION incident_is_append_only();
--> statement-breakpoint
CREATE TRIGGER incident_timeline_no_truncate BEFORE TRUNCATE ON "incident_timeline" FOR EACH STATEMENT EXECUTE FUNCTION incident_is_append_only();
--> statement-breakpoint
CREATE TRIGGER incident_evidence_append_only BEFORE UPDATE OR DELETE ON "incident_evidence" FOR EACH ROW EXECUTE FUNCTION incident_is_append_only();
--> statement-breakpoint
CREATE TRIGGER incident_evidence_no_truncate BEFORE TRUNCATE ON "incident_evidence" FOR EACH STATEMENT EXECUTE FUNCTION incident_is_append_only();
--> statement-breakpoint
CREATE TRIGGER incident_custody_append_only BEFORE UPDATE OR DELETE ON "incident_custody" FOR EACH ROW EXECUTE FUNCTION incident_is_append_only();
--> statement-breakpoint
CREATE TRIGGER incident_custody_no_truncate BEFORE TRUNCATE ON "incident_custody" FOR EACH STATEMENT EXECUTE FUNCTION incident_is_append_only();
--> statement-breakpoint
CREATE TRIGGER incident_reports_append_only BEFORE UPDATE OR DELETE ON "incident_reports" FOR EACH ROW EXECUTE FUNCTION incident_is_append_only();
--> statement-breakpoint
CREATE TRIGGER incident_reports_no_truncate BEFORE TRUNCATE ON "incident_reports" FOR EACH STATEMENT EXECUTE FUNCTION incident_is_append_only();
