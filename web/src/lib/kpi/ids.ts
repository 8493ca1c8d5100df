/** Numbers of cases as people paste them: one a line, or between commas and blanks; each once. */
export function idsOf(text: string): string[] {
  return [...new Set(text.split(/[\s,，、;；]+/).filter((one) => one !== ''))]
}
