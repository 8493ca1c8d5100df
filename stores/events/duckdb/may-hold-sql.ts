import { columns, isColumn } from '../columns.ts'
import { originalExpression, quote, type SqlCondition } from '../kql/sql.ts'
import type { MayHold } from '../store.ts'
import { restColumn } from './rows.ts'

/**
 * A field may stand in its column or, under any name, in the JSON of the others, which is looked at as text: what is
 * escaped there is escaped char by char. `lower` of DuckDB folds no fewer chars to ASCII than JavaScript does.
 */
export function mayHoldSql(condition: MayHold, values: string[]): string {
  const bind = (value: string): string => {
    values.push(value)
    return `$${values.length}`
  }
  const write = (node: MayHold): string => {
    if ('text' in node) {
      const places = node.fields
        .filter(isColumn)
        .map((field) => `contains(lower(${textOf(field)}), ${bind(node.text)})`)
      places.push(`contains(lower(${restColumn}), ${bind(JSON.stringify(node.text).slice(1, -1))})`)
      return `(${places.join(' or ')})`
    }
    const [parts, word, nothing] = 'any' in node ? [node.any, 'or', 'false'] : [node.all, 'and', 'true']
    return parts.length === 0 ? nothing : `(${parts.map(write).join(` ${word} `)})`
  }
  return write(condition)
}

export function narrowed({ text, values }: SqlCondition, condition: MayHold | undefined): SqlCondition {
  if (!condition) return { text, values }
  const all = [...values]
  return { text: `(${text}) and ${mayHoldSql(condition, all)}`, values: all }
}

function textOf(field: keyof typeof columns): string {
  if (field === 'event.original') return originalExpression
  return columns[field] === 'long' || columns[field] === 'date' ? `cast(${quote(field)} as varchar)` : quote(field)
}
