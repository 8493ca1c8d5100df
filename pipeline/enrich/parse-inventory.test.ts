import { expect, test } from 'vitest'
import { parseInventory } from './parse-inventory.ts'

const web = {
  id: 'host:web-1',
  kind: 'host',
  name: 'web-1',
  aliases: ['192.0.2.7', 'web-1.example.com'],
  region: '330100',
  department: 'Tax, city',
  owner: 'ops',
  criticality: 'high',
  protectionLevel: 3,
}

test('CSV with quotes, a byte order mark, CRLF, and headings in Chinese or with semicolons', () => {
  const csv =
    '\uFEFFkind,name,aliases,region,department,owner,criticality,protectionLevel\r\nhost,web-1,"192.0.2.7; WEB-1.example.com",330100,"Tax, city",ops,high,3\r\n\r\n'
  expect(parseInventory(csv, 'csv')).toEqual({ entities: [web], problems: [] })
  const chinese =
    '类型;名称;地址;别名;地区;部门;负责人;重要性;等保级别\nhost;web-1;192.0.2.7;web-1.example.com;330100;Tax, city;ops;high;3'
  expect(parseInventory(chinese, 'csv')).toEqual({ entities: [web], problems: [] })
})

test('YAML as a list, or below "entities"', () => {
  const list =
    "- { kind: host, name: web-1, aliases: [192.0.2.7, web-1.example.com], region: '330100', department: 'Tax, city', owner: ops, criticality: high, protectionLevel: 3 }\n"
  expect(parseInventory(list, 'yaml')).toEqual({ entities: [web], problems: [] })
  const below = `entities:\n${list.replace('-', '  -')}`
  expect(parseInventory(below, 'yaml').entities).toEqual([web])
})

test('each wrong row is named with its line, the others are kept', () => {
  const csv = [
    'name,kind,criticality,region,aliases,ownr',
    '"good\none",host,low,,,',
    ',host,,,,',
    'x,hots,,,,',
    'y,host,hihg,3301x,999.1.1.1,',
    'good,host,,,,',
    'good,host,,,,',
  ].join('\n')
  const { entities, problems } = parseInventory(csv, 'csv')
  expect(entities.map(({ id }) => id)).toEqual(['host:good\none', 'host:good'])
  expect(problems.map(({ line, message }) => `${line}: ${message}`)).toEqual([
    '1: the column "ownr" is not known. Did you mean "owner"?',
    '4: the name is missing',
    '5: the kind "hots" is not known. Did you mean "host"?',
    '6: the criticality "hihg" is not known. Did you mean "high"?',
    '6: the region "3301x" is no GB/T 2260 code: 2, 4, 6, 9 or 12 digits',
    '6: the alias "999.1.1.1" is no address',
    '8: host:good is already on line 7',
  ])
})

test('nonsense gives problems, not exceptions', () => {
  for (const text of ['', '\u0000', '"', 'a,b\n1,2', '- 1', '{', 'a: &a [*a]', '- {name: [x], __proto__: 1}'])
    for (const format of ['csv', 'yaml'] as const) {
      const { entities, problems } = parseInventory(text, format)
      expect(entities.length + problems.length, `${format} ${text}`).toBeGreaterThan(0)
    }
})
