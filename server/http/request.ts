// Reading what a client sends: bounded, validated, and told what is wrong with it.
import type { Context } from 'hono'
import type { z } from 'zod'
import { CodedError } from '#core/errors.ts'

export const bodyBytesMax = 1024 * 1024

/** @throws CodedError `body.too-large` or `body.invalid` */
export async function readText(request: Request, bytesMax = bodyBytesMax): Promise<string> {
  const declared = Number(request.headers.get('content-length') ?? 0)
  if (declared > bytesMax) throw new CodedError('body.too-large', { limit: bytesMax })
  if (!request.body) return ''
  const parts: Uint8Array[] = []
  let bytes = 0
  for await (const part of request.body as unknown as AsyncIterable<Uint8Array>) {
    bytes += part.length
    if (bytes > bytesMax) throw new CodedError('body.too-large', { limit: bytesMax })
    parts.push(part)
  }
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(Buffer.concat(parts))
  } catch (error) {
    throw new CodedError('body.invalid', { cause: 'it is not UTF-8' }, { cause: error })
  }
}

/** @throws CodedError `body.invalid` naming the field */
export async function readBody<T extends z.ZodType>(
  context: Context,
  schema: T,
  bytesMax = bodyBytesMax,
): Promise<z.output<T>> {
  const text = await readText(context.req.raw, bytesMax)
  let data: unknown
  try {
    data = text === '' ? {} : JSON.parse(text)
  } catch (error) {
    throw new CodedError('body.invalid', { cause: `it is not JSON: ${(error as Error).message}` }, { cause: error })
  }
  return check(schema, data)
}

/** Query parameters; repeated ones are lists where the schema says so. */
export function readQuery<T extends z.ZodType>(context: Context, schema: T): z.output<T> {
  return check(schema, context.req.query())
}

function check<T extends z.ZodType>(schema: T, data: unknown): z.output<T> {
  const result = schema.safeParse(data)
  if (result.success) return result.data
  const issue = result.error.issues[0]!
  const place = issue.path.length > 0 ? `${issue.path.join('.')}: ` : ''
  throw new CodedError('body.invalid', { cause: `${place}${issue.message}` })
}
