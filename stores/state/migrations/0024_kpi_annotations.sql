CREATE TABLE "kpi_annotations" (
	"serial" bigserial PRIMARY KEY NOT NULL,
	"annotation" text NOT NULL,
	"verb" text NOT NULL,
	"from_day" integer NOT NULL,
	"to_day" integer NOT NULL,
	"body" jsonb NOT NULL,
	"reason" text NOT NULL,
	"actor" text NOT NULL,
	"at_ms" bigint NOT NULL
);
--> statement-breakpoint
CREATE INDEX "kpi_annotations_annotation" ON "kpi_annotations" USING btree ("annotation","serial");