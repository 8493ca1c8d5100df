CREATE TABLE "posture_register" (
	"entity" text PRIMARY KEY NOT NULL,
	"facts" jsonb NOT NULL,
	"by" text NOT NULL,
	"changed_ms" bigint NOT NULL
);
