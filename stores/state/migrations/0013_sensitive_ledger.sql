CREATE TABLE "export_ledger" (
	"id" text PRIMARY KEY NOT NULL,
	"at_ms" bigint NOT NULL,
	"actor_kind" text NOT NULL,
	"actor_id" text NOT NULL,
	"actor" text NOT NULL,
	"role" text NOT NULL,
	"address" text NOT NULL,
	"subject" text NOT NULL,
	"format" text NOT NULL,
	"query" text NOT NULL,
	"from_ms" bigint NOT NULL,
	"to_ms" bigint NOT NULL,
	"columns" jsonb NOT NULL,
	"regions" jsonb NOT NULL,
	"departments" jsonb NOT NULL,
	"is_marked" boolean NOT NULL,
	"is_masked" boolean NOT NULL,
	"ended_ms" bigint,
	"is_complete" boolean DEFAULT false NOT NULL,
	"rows" integer DEFAULT 0 NOT NULL,
	"marked_cells" integer DEFAULT 0 NOT NULL,
	"kinds" jsonb DEFAULT '{}'::jsonb NOT NULL,
	"first_ms" bigint,
	"last_ms" bigint,
	"cells" "bytea",
	"times" "bytea",
	"values" "bytea"
);
--> statement-breakpoint
CREATE TABLE "sensitive_shown" (
	"hash" text NOT NULL,
	"audit_id" bigint NOT NULL,
	CONSTRAINT "sensitive_shown_hash_audit_id_pk" PRIMARY KEY("hash","audit_id")
);
--> statement-breakpoint
CREATE INDEX "export_ledger_at" ON "export_ledger" USING btree ("at_ms");