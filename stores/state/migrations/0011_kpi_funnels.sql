CREATE TABLE "kpi_funnels" (
	"period" text NOT NULL,
	"rule" text NOT NULL,
	"spread" double precision NOT NULL,
	"points" jsonb NOT NULL,
	CONSTRAINT "kpi_funnels_period_rule_pk" PRIMARY KEY("period","rule")
);
