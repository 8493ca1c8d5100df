CREATE TABLE "held_notifications" (
	"alert_id" text PRIMARY KEY NOT NULL,
	"event" text NOT NULL,
	"since_ms" bigint NOT NULL
);
--> statement-breakpoint
CREATE TABLE "silences" (
	"id" text PRIMARY KEY NOT NULL,
	"matchers" jsonb NOT NULL,
	"starts_ms" bigint NOT NULL,
	"ends_ms" bigint NOT NULL,
	"created_by" text NOT NULL,
	"comment" text NOT NULL,
	"updated_ms" bigint NOT NULL
);
--> statement-breakpoint
CREATE INDEX "silences_ends" ON "silences" USING btree ("ends_ms");