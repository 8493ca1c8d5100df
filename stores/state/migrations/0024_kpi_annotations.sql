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
CREATE INDEX "kpi_annotations_annotation" ON "kpi_annotations" USING btree ("annotation","serial");--> statement-breakpoint
CREATE TRIGGER kpi_annotations_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON "kpi_annotations" FOR EACH STATEMENT EXECUTE FUNCTION kpi_is_append_only();
