CREATE TABLE "findings" (
	"id" bigserial PRIMARY KEY NOT NULL,
	"alert_id" text NOT NULL,
	"minute_ms" bigint NOT NULL,
	"source" text NOT NULL,
	"rule" text NOT NULL,
	"rule_name" text NOT NULL,
	"title" text NOT NULL,
	"description" text NOT NULL,
	"severity" text NOT NULL,
	"annotations" jsonb NOT NULL,
	"tactics" jsonb NOT NULL,
	"techniques" jsonb NOT NULL,
	"entities" jsonb NOT NULL,
	"evidence" jsonb NOT NULL,
	"count" bigint NOT NULL,
	"first_ms" bigint NOT NULL,
	"last_ms" bigint NOT NULL
);
--> statement-breakpoint
ALTER TABLE "findings" ADD CONSTRAINT "findings_alert_id_alerts_id_fk" FOREIGN KEY ("alert_id") REFERENCES "public"."alerts"("id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
CREATE UNIQUE INDEX "findings_alert_minute" ON "findings" USING btree ("alert_id","minute_ms");--> statement-breakpoint
CREATE INDEX "findings_minute" ON "findings" USING btree ("minute_ms","id");--> statement-breakpoint
CREATE INDEX "findings_entities" ON "findings" USING gin ("entities");--> statement-breakpoint
CREATE INDEX "incident_alerts_fingerprint" ON "incident_alerts" USING btree ("fingerprint");