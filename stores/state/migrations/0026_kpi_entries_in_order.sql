DROP INDEX "kpi_entries_publication";--> statement-breakpoint
CREATE INDEX "kpi_entries_publication" ON "kpi_entries" USING btree ("publication","id");