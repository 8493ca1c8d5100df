CREATE TABLE "rule_settings" (
	"rule" text PRIMARY KEY NOT NULL,
	"enabled" boolean NOT NULL,
	"note" text NOT NULL,
	"by" text NOT NULL,
	"changed_ms" bigint NOT NULL
);
