// What every journey begins with: the printed link is opened, and somebody makes the first account.
import type { Page } from 'playwright-core'
import type { Running } from './observatory.ts'

export async function makeFirstAccount(page: Page, observatory: Pick<Running, 'setupLink' | 'url'>): Promise<void> {
  await page.goto(observatory.setupLink!)
  await page.fill('input[autocomplete=username]', 'wei')
  await page.fill('input[type=password]', 'correct horse battery')
  await page.click('button.primary')
  await page.waitForURL(`${observatory.url}/`)
}

/** Grows with what the page throws and what its content security policy forbids: empty at the end of a good journey. */
export function complaintsOf(page: Page): string[] {
  const complaints: string[] = []
  page.on('pageerror', (error) => complaints.push(error.message))
  page.on('console', (message) => {
    if (message.type() === 'error' && /Content Security Policy|Uncaught/.test(message.text()))
      complaints.push(message.text())
  })
  return complaints
}
