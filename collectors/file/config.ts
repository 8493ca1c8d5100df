import { z } from 'zod'

export const multilineSchema = z.strictObject({
  startPattern: z.string().min(1).describe('RE2 regular expression; a line that matches begins a new event'),
  linesMax: z.int().min(2).max(10_000).default(500).describe('Lines of one event; the next line begins another'),
  bytesMax: z.int().min(1024).max(65_536).default(65_536).describe('Bytes of one event; the next line begins another'),
  timeoutMs: z
    .int()
    .min(10)
    .max(60_000)
    .default(1000)
    .describe('An event is complete when no line follows for so long'),
})

export const fileSourceSchema = z.strictObject({
  paths: z.array(z.string().min(1)).min(1).max(256).describe('Absolute paths or globs'),
  exclude: z
    .array(z.string())
    .max(256)
    .default([])
    .describe('Globs of files to leave out; compressed files always are'),
  dataset: z.string().max(128).optional().describe('Dataset of the parser that reads these files first'),
  encoding: z
    .enum(['utf-8', 'gb18030'])
    .default('utf-8')
    .describe('Text encoding; what is invalid in it becomes U+FFFD'),
  startAt: z
    .enum(['beginning', 'end'])
    .default('beginning')
    .describe(
      'Where to begin in a file that is there at start and was never read; files that appear later are read whole',
    ),
  records: z
    .string()
    .min(1)
    .max(128)
    .optional()
    .describe(
      'Each file is one JSON document, .gz or not, with its events in the list of this name: Records for AWS CloudTrail',
    ),
  multiline: multilineSchema.optional().describe('Joins the lines of stack traces and statements to one event'),
})

/** What a Debian, Ubuntu, RHEL or openEuler machine usually has. Absent files are no error; they are read once they appear. */
const defaultSources: z.input<typeof fileSourceSchema>[] = [
  {
    paths: ['auth.log', 'syslog', 'kern.log', 'dpkg.log', 'messages', 'secure'].map((name) => `/var/log/${name}`),
  },
  { paths: ['/var/log/nginx/*.log', '/var/log/apache2/*.log', '/var/log/httpd/*_log'] },
  {
    paths: ['/var/log/postgresql/*.log'],
    dataset: 'postgresql',
    // A statement's further lines begin with a tab; each entry begins with a date (log_line_prefix '%m [%p] …').
    multiline: { startPattern: '^\\d{4}-\\d\\d-\\d\\d ' },
  },
]

export const fileConfigSchema = z.strictObject({
  enabled: z.boolean().default(true).describe('Whether files are tailed'),
  sources: z
    .array(fileSourceSchema)
    .max(256)
    .prefault(defaultSources)
    .describe('Which files, and how to read them; the first source that matches a file has it'),
  pollIntervalMs: z
    .int()
    .min(100)
    .max(60_000)
    .default(1000)
    .describe('Every file is looked at this often when the kernel tells no change'),
  activeIntervalMs: z.int().min(10).max(10_000).default(200).describe('The same while a file is growing'),
  discoverIntervalMs: z.int().min(100).max(3_600_000).default(5000).describe('How often the globs are matched again'),
  firstReadBytesMax: z
    .int()
    .min(0)
    .default(4 * 1024 * 1024)
    .describe('Of a file never read before, at most so many bytes before its end are read at start; 0: all of it'),
  lineBytesMax: z.int().min(256).max(65_536).default(65_536).describe('Longer lines are cut here and flagged'),
  partialLineTimeoutMs: z
    .int()
    .min(100)
    .max(600_000)
    .default(5000)
    .describe('A last line without a line feed is taken as it is after so long'),
  rotatedTimeoutMs: z
    .int()
    .min(100)
    .max(600_000)
    .default(10_000)
    .describe('A file renamed away is read on until it has been quiet for so long'),
  batchEventsMax: z.int().min(1).max(10_000).default(1000).describe('Events handed over at a time'),
  filesMax: z.int().min(1).max(10_000).default(1024).describe('Files read at the same time; more are left out'),
})

export type FileConfig = z.infer<typeof fileConfigSchema>
export type FileSource = z.infer<typeof fileSourceSchema>
export type Multiline = z.infer<typeof multilineSchema>
