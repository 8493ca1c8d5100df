CREATE TABLE "notification_group_members" (
	"group_id" text NOT NULL,
	"fingerprint" text NOT NULL,
	"alert_id" text NOT NULL,
	CONSTRAINT "notification_group_members_group_id_fingerprint_pk" PRIMARY KEY("group_id","fingerprint")
);
--> statement-breakpoint
CREATE TABLE "notification_groups" (
	"id" text PRIMARY KEY NOT NULL,
	"route_id" text NOT NULL,
	"group_key" text NOT NULL,
	"labels" jsonb NOT NULL,
	"next_flush_ms" bigint NOT NULL,
	"flushed" boolean NOT NULL
);
--> statement-breakpoint
CREATE TABLE "notification_log" (
	"group_hash" text NOT NULL,
	"receiver" text NOT NULL,
	"firing" text[] NOT NULL,
	"resolved" text[] NOT NULL,
	"told_ms" bigint NOT NULL,
	"expires_ms" bigint NOT NULL,
	CONSTRAINT "notification_log_group_hash_receiver_pk" PRIMARY KEY("group_hash","receiver")
);
--> statement-breakpoint
ALTER TABLE "notifications" ALTER COLUMN "alert_id" DROP NOT NULL;--> statement-breakpoint
ALTER TABLE "notifications" ALTER COLUMN "alert" DROP NOT NULL;--> statement-breakpoint
ALTER TABLE "notifications" ADD COLUMN "group_id" text;--> statement-breakpoint
ALTER TABLE "notifications" ADD COLUMN "message" jsonb;--> statement-breakpoint
ALTER TABLE "notifications" ADD COLUMN "alert_ids" text[];--> statement-breakpoint
ALTER TABLE "notification_group_members" ADD CONSTRAINT "notification_group_members_group_id_notification_groups_id_fk" FOREIGN KEY ("group_id") REFERENCES "public"."notification_groups"("id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "notification_group_members" ADD CONSTRAINT "notification_group_members_alert_id_alerts_id_fk" FOREIGN KEY ("alert_id") REFERENCES "public"."alerts"("id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
CREATE INDEX "notification_group_members_alert" ON "notification_group_members" USING btree ("alert_id");--> statement-breakpoint
CREATE INDEX "notification_groups_next" ON "notification_groups" USING btree ("next_flush_ms");--> statement-breakpoint
CREATE INDEX "notification_log_expires" ON "notification_log" USING btree ("expires_ms");--> statement-breakpoint
CREATE UNIQUE INDEX "notifications_pending_group" ON "notifications" USING btree ("receiver","group_id") WHERE "notifications"."state" = 'pending';--> statement-breakpoint
CREATE INDEX "notifications_alert_ids" ON "notifications" USING gin ("alert_ids") WHERE "notifications"."alert_ids" is not null;