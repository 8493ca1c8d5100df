CREATE TABLE "alert_changes" (
	"sequence" bigserial PRIMARY KEY NOT NULL,
	"at_ms" bigint NOT NULL,
	"change" text NOT NULL,
	"alert" jsonb NOT NULL
);
--> statement-breakpoint
CREATE TABLE "alert_history" (
	"id" bigserial PRIMARY KEY NOT NULL,
	"alert_id" text NOT NULL,
	"at_ms" bigint NOT NULL,
	"kind" text NOT NULL,
	"actor" text NOT NULL,
	"text" text NOT NULL
);
--> statement-breakpoint
CREATE TABLE "alerts" (
	"id" text PRIMARY KEY NOT NULL,
	"fingerprint" text NOT NULL,
	"episode" integer NOT NULL,
	"rule" text NOT NULL,
	"title" text NOT NULL,
	"description" text NOT NULL,
	"severity" text NOT NULL,
	"state" text NOT NULL,
	"labels" jsonb NOT NULL,
	"annotations" jsonb NOT NULL,
	"entities" jsonb NOT NULL,
	"evidence" jsonb NOT NULL,
	"for_ms" bigint NOT NULL,
	"resolve_after_ms" bigint NOT NULL,
	"started_ms" bigint NOT NULL,
	"active_since_ms" bigint NOT NULL,
	"fired_ms" bigint,
	"resolved_ms" bigint,
	"last_seen_ms" bigint NOT NULL,
	"last_received_ms" bigint NOT NULL,
	"finding_count" bigint NOT NULL,
	"value" double precision,
	"threshold" double precision,
	"told" boolean NOT NULL,
	"acknowledged_by" text,
	"acknowledged_ms" bigint
);
--> statement-breakpoint
CREATE TABLE "notifications" (
	"id" text PRIMARY KEY NOT NULL,
	"sequence" bigserial NOT NULL,
	"receiver" text NOT NULL,
	"alert_id" text NOT NULL,
	"event" text NOT NULL,
	"alert" jsonb NOT NULL,
	"state" text NOT NULL,
	"attempts" integer NOT NULL,
	"created_ms" bigint NOT NULL,
	"next_attempt_ms" bigint NOT NULL,
	"deadline_ms" bigint NOT NULL,
	"leased_until_ms" bigint NOT NULL,
	"last_attempt_ms" bigint NOT NULL,
	"finished_ms" bigint,
	"last_error" text
);
--> statement-breakpoint
CREATE TABLE "audit" (
	"id" bigserial PRIMARY KEY NOT NULL,
	"at_ms" bigint NOT NULL,
	"actor_kind" text NOT NULL,
	"actor_id" text NOT NULL,
	"actor" text NOT NULL,
	"role" text NOT NULL,
	"action" text NOT NULL,
	"object" text NOT NULL,
	"detail" jsonb NOT NULL,
	"address" text NOT NULL
);
--> statement-breakpoint
CREATE TABLE "entities" (
	"id" text PRIMARY KEY NOT NULL,
	"kind" text NOT NULL,
	"name" text NOT NULL,
	"aliases" jsonb NOT NULL,
	"region" text NOT NULL,
	"department" text NOT NULL,
	"owner" text NOT NULL,
	"criticality" text NOT NULL,
	"protection_level" integer NOT NULL,
	"updated_ms" bigint NOT NULL
);
--> statement-breakpoint
CREATE TABLE "api_tokens" (
	"id" text PRIMARY KEY NOT NULL,
	"name" text NOT NULL,
	"role" text NOT NULL,
	"scopes" jsonb NOT NULL,
	"secret_hash" text NOT NULL,
	"created_ms" bigint NOT NULL,
	"expires_ms" bigint,
	"last_used_ms" bigint
);
--> statement-breakpoint
CREATE TABLE "sessions" (
	"id_hash" text PRIMARY KEY NOT NULL,
	"user_id" text NOT NULL,
	"csrf_token" text NOT NULL,
	"created_ms" bigint NOT NULL,
	"used_ms" bigint NOT NULL,
	"expires_ms" bigint NOT NULL,
	"address" text NOT NULL
);
--> statement-breakpoint
CREATE TABLE "setup_tokens" (
	"secret_hash" text PRIMARY KEY NOT NULL,
	"created_ms" bigint NOT NULL,
	"expires_ms" bigint NOT NULL,
	"used_ms" bigint
);
--> statement-breakpoint
CREATE TABLE "users" (
	"id" text PRIMARY KEY NOT NULL,
	"name" text NOT NULL,
	"name_key" text NOT NULL,
	"role" text NOT NULL,
	"password_hash" text NOT NULL,
	"disabled" boolean DEFAULT false NOT NULL,
	"created_ms" bigint NOT NULL,
	"last_seen_ms" bigint
);
--> statement-breakpoint
ALTER TABLE "alert_history" ADD CONSTRAINT "alert_history_alert_id_alerts_id_fk" FOREIGN KEY ("alert_id") REFERENCES "public"."alerts"("id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "sessions" ADD CONSTRAINT "sessions_user_id_users_id_fk" FOREIGN KEY ("user_id") REFERENCES "public"."users"("id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
CREATE INDEX "alert_history_alert" ON "alert_history" USING btree ("alert_id","id");--> statement-breakpoint
CREATE UNIQUE INDEX "alerts_fingerprint_episode" ON "alerts" USING btree ("fingerprint","episode");--> statement-breakpoint
CREATE UNIQUE INDEX "alerts_open_fingerprint" ON "alerts" USING btree ("fingerprint") WHERE "alerts"."state" <> 'resolved';--> statement-breakpoint
CREATE INDEX "alerts_started" ON "alerts" USING btree ("started_ms","id");--> statement-breakpoint
CREATE INDEX "alerts_resolved" ON "alerts" USING btree ("resolved_ms") WHERE "alerts"."state" = 'resolved';--> statement-breakpoint
CREATE INDEX "notifications_pending" ON "notifications" USING btree ("receiver","sequence") WHERE "notifications"."state" = 'pending';--> statement-breakpoint
CREATE INDEX "notifications_pending_alert" ON "notifications" USING btree ("receiver","alert_id","sequence") WHERE "notifications"."state" = 'pending';--> statement-breakpoint
CREATE INDEX "notifications_finished" ON "notifications" USING btree ("finished_ms") WHERE "notifications"."state" <> 'pending';--> statement-breakpoint
CREATE INDEX "audit_object" ON "audit" USING btree ("object","id");--> statement-breakpoint
CREATE UNIQUE INDEX "api_tokens_secret" ON "api_tokens" USING btree ("secret_hash");--> statement-breakpoint
CREATE INDEX "sessions_user" ON "sessions" USING btree ("user_id");--> statement-breakpoint
CREATE INDEX "sessions_expires" ON "sessions" USING btree ("expires_ms");--> statement-breakpoint
CREATE UNIQUE INDEX "users_name_key" ON "users" USING btree ("name_key");