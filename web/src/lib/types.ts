// The API's shapes, as types only: no validator reaches the browser.
import type * as annotation from '#server/http/annotation-routes.ts'
import type * as api from '#server/http/api.ts'
import type * as backtest from '#server/http/backtest-api.ts'
import type * as behaviour from '#server/http/behaviour-routes.ts'
import type * as brief from '#server/http/brief-api.ts'
import type * as correlation from '#server/http/correlation-routes.ts'
import type * as coverage from '#server/http/coverage-api.ts'
import type * as fact from '#server/http/fact-routes.ts'
import type * as finding from '#server/http/finding-api.ts'
import type * as hunt from '#server/http/hunt-api.ts'
import type * as work from '#server/http/incident-work-api.ts'
import type * as integrity from '#server/http/integrity-api.ts'
import type * as intel from '#server/http/intel-routes.ts'
import type * as kpi from '#server/http/kpi-api.ts'
import type * as ledger from '#server/http/ledger-routes.ts'
import type * as notification from '#server/http/notification-api.ts'
import type * as posture from '#server/http/posture-api.ts'
import type * as pull from '#server/http/pull-api.ts'
import type * as question from '#server/http/question-api.ts'
import type * as scorecard from '#server/http/scorecard-api.ts'
import type * as sensitive from '#server/http/sensitive-api.ts'
import type * as sigma from '#server/http/sigma-api.ts'
import type * as visit from '#server/http/visit-api.ts'

type Body<T extends { _output: unknown }> = T['_output']

export type KpiValue = Body<typeof kpi.KpiValueBody>
export type KpiDefinition = Body<typeof kpi.DefinitionRow>
export type KpiRanked = Body<typeof kpi.RankedBody>
export type KpiWaterfall = Body<typeof kpi.WaterfallBody>
export type KpiStep = Body<typeof kpi.StepBody>
export type KpiChoice = { switch: string; option: string; values: KpiValue[] }
export type StoredCase = Body<typeof kpi.StoredCaseBody>
export type UnitCoverage = Body<typeof coverage.UnitCoverageRow>
export type PullSource = Body<typeof pull.PullSourceRow>
export type QuestionRow = Body<typeof question.QuestionRow>
export type QuestionDetail = Body<typeof question.QuestionDetail>
export type ReleaseRow = Body<typeof question.ReleaseRow>
export type LedgerSummary = Body<typeof ledger.LedgerSummary>
export type Restatement = Body<typeof kpi.RestatementBody>
export type KpiNotes = Body<typeof annotation.Notes>
export type KpiFacts = Body<typeof fact.Facts>
export type LeafProof = Body<typeof ledger.LeafProof>
export type Scorecard = Body<typeof scorecard.Scorecard>
export type ScorecardRow = Body<typeof scorecard.ScorecardRow>
export type ShortValue = Body<typeof scorecard.ShortValue>
export type Heat = Body<typeof scorecard.Heat>
export type BurnUp = Body<typeof scorecard.BurnUp>
export type VisitRow = Body<typeof visit.VisitRow>
export type VisitImportResult = Body<typeof visit.VisitImportResult>
export type ThreeSourcesRow = Body<typeof visit.ThreeSourcesRow>
export type Names = Body<typeof scorecard.Names>
export type IntegritySummary = Body<typeof integrity.Summary>
export type IntegrityFlag = Body<typeof integrity.FlagBody>
export type IntegrityFlagDetail = Body<typeof integrity.FlagDetail>
export type IntegrityFunnel = Body<typeof integrity.FunnelBody>
export type SecurityRule = Body<typeof sigma.SecurityRule>
export type SourceProblem = Body<typeof sigma.SourceProblemBody>
export type SecurityRules = { rules: SecurityRule[]; problems: SourceProblem[] }
export type FindingRow = Body<typeof finding.FindingRow>
export type FindingPage = Body<typeof finding.FindingPage>
export type FindingDetail = Body<typeof finding.FindingDetail>
export type LinkedIncident = Body<typeof finding.LinkedIncident>
export type HuntLine = Body<typeof hunt.HuntLine>
export type Backtest = Body<typeof backtest.BacktestAnswer>
export type CorrelatedIncident = Body<typeof correlation.CorrelatedIncident>
export type EntityBehaviour = Body<typeof behaviour.EntityBehaviour>
export type EntityAtRisk = Body<typeof correlation.EntityAtRisk>
export type WorkedIncident = Body<typeof work.WorkedIncident>
export type IncidentQueue = Body<typeof work.IncidentQueue>
export type IncidentRow = Body<typeof work.QueueRowBody>
export type WorkedDetail = Body<typeof work.IncidentDetailBody>
export type IncidentRulebook = Body<typeof work.RulebookBody>
export type IncidentTeam = Body<typeof work.TeamFiguresBody>
export type IncidentAssessment = Body<typeof work.AssessmentBody>
export type DutyClock = Body<typeof work.DutyClockBody>
export type CustodyLine = Body<typeof work.CustodyBody>['custody'][number]
export type Briefs = Body<typeof brief.Briefs>
export type Posture = Body<typeof posture.Posture>
export type PostureSystems = Body<typeof posture.PostureSystems>
export type Assessment = Body<typeof posture.AssessmentBody>
export type ImportResult = Body<typeof api.ImportResult>
export type SensitiveSummary = Body<typeof sensitive.SensitiveSummary>
export type ExportEntry = Body<typeof sensitive.ExportEntry>
export type TracedFile = Body<typeof sensitive.TracedFile>
export type WhoSaw = Body<typeof sensitive.WhoSaw>
export type SensitiveLogs = Body<typeof sensitive.SensitiveLogs>
export type SensitiveFinds = Body<typeof sensitive.SensitiveFinds>
export type IntelFeed = Body<typeof intel.IntelFeed>
export type Jurisdiction = Body<typeof api.JurisdictionBody>
export type Places = Body<typeof api.Places>
export type Session = Body<typeof api.Session>
export type User = Body<typeof api.User>
export type Token = Body<typeof api.Token>
export type CreatedToken = Body<typeof api.CreatedToken>
export type AuditRow = Body<typeof api.AuditRow>
export type EventPage = Body<typeof api.EventPage>
export type EventHistogram = Body<typeof api.EventHistogram>
export type TopValues = Body<typeof api.TopValues>
export type FieldList = Body<typeof api.FieldList>
export type Alert = Body<typeof api.Alert>
export type AlertPage = Body<typeof api.AlertPage>
export type AlertDetail = Body<typeof api.AlertDetail>
export type AlertWhy = Body<typeof api.AlertWhy>
export type AlertChange = Body<typeof api.AlertChange>
export type ReceiverStatus = Body<typeof api.ReceiverStatus>
export type ReceiverTest = Body<typeof notification.ReceiverTest>
export type Routing = Body<typeof notification.Routing>
export type RouteTest = Body<typeof notification.RouteTest>
export type RuleStatus = Body<typeof api.RuleStatus>
export type Sources = Body<typeof api.Sources>
export type SourceRow = Body<typeof api.SourceRow>
export type Overview = Body<typeof api.Overview>
export type Settings = Body<typeof api.Settings>
export type EcsEvent = Record<string, unknown> & { '@timestamp': number; 'event.id': string; message: string }
export type Role = Session['user']['role']
export type Severity = Alert['severity']
export type AlertState = Alert['state']
