// A request value as a line of tokens: what a word says is dropped unless a language gives it a meaning,
// so that the model learns the shape of code and not the words of one tool.
import { decodeLayers } from './decode.ts'

const keywords = new Set(
  `select union all from where and or not null is like rlike regexp sounds between in having group order by limit offset insert into
  update delete drop alter create table database schema exec execute declare cast convert char chr ascii substr substring
  concat sleep benchmark waitfor delay version user count if case when then else end procedure analyse extractvalue updatexml xor div
  mod sys information_schema xp_cmdshell load_file outfile dumpfile begin exists values set varchar nvarchar collate
  script iframe img svg body input object embed form style link meta base video audio onerror onload onclick onmouseover onfocus
  javascript vbscript data alert confirm prompt eval document cookie window location function settimeout fromcharcode
  innerhtml src href expression import xmlhttprequest constructor prototype atob this new return var
  etc passwd cat ls bin sh bash cmd exe wget curl ping whoami echo nc powershell system phpinfo windows boot ini`.split(
    /\s+/,
  ),
)

/** At most 512 tokens: keywords as they are, other words `a`, numbers `0`, blanks ` `, letters of other scripts `u`. */
export function requestTokens(value: string): string[] {
  const text = decodeLayers(value).toLowerCase().replaceAll('+', ' ')
  const tokens: string[] = []
  for (const [run] of text.matchAll(/[a-z_]+|[0-9]+|\s+|[^\x21-\x7e\s]+|[\x21-\x7e]/g)) {
    if (tokens.length === 512) break
    const code = run.charCodeAt(0)
    if (code >= 48 && code <= 57) tokens.push('0')
    else if (code <= 32) tokens.push(' ')
    else if (code > 126) tokens.push('u')
    else if ((code >= 97 && code <= 122) || code === 95)
      tokens.push(run.startsWith('on') && run.length > 5 ? 'on*' : keywords.has(run) ? run : 'a')
    else tokens.push(run)
  }
  return tokens
}
