CREATE TABLE "kpi_visits" (
	"serial" bigserial PRIMARY KEY NOT NULL,
	"visit" text NOT NULL,
	"at_ms" bigint NOT NULL,
	"region" text NOT NULL,
	"department" text NOT NULL,
	"item" text NOT NULL,
	"kpi" text NOT NULL,
	"as_reported" boolean NOT NULL,
	"visitor" text NOT NULL,
	"note" text NOT NULL,
	"imported_by" text NOT NULL,
	"imported_ms" bigint NOT NULL
);
--> statement-breakpoint
CREATE INDEX "kpi_visits_visit" ON "kpi_visits" USING btree ("visit","serial");--> statement-breakpoint
CREATE TRIGGER kpi_visits_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON "kpi_visits" FOR EACH STATEMENT EXECUTE FUNCTION kpi_is_append_only();
