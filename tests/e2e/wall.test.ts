import { type Browser, chromium } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { chromiumPath, pagesLack } from './chromium.ts'
import { type Running, startObservatory } from './observatory.ts'

describe.skipIf(pagesLack !== '')(`the wall (needs ${pagesLack || 'Chromium'})`, () => {
  let observatory: Running
  let browser: Browser
  let reader: string

  beforeAll(async () => {
    observatory = await startObservatory()
    const actor = { kind: 'system', id: 'test', name: 'test', role: 'system', address: '' } as const
    reader = (
      await observatory.parts.people.addToken(actor, {
        name: 'wall',
        role: 'leader',
        scopes: ['read'],
        expiresMs: null,
      })
    ).secret
    browser = await chromium.launch({ executablePath: chromiumPath!, args: ['--no-sandbox'] })
  })
  afterAll(async () => {
    await browser?.close()
    await observatory.dispose()
  })

  test('scenes follow one another, the clock goes on, and there is nothing to touch', async () => {
    const page = await browser.newPage({ locale: 'en-US', viewport: { width: 1920, height: 1080 } })
    const errors: string[] = []
    page.on('pageerror', (error) => errors.push(error.message))
    await page.goto(`${observatory.url}/wall?seconds=3&lang=en#token=${reader}`)
    const now = page.locator('li.now')
    await now.waitFor()
    const seen = new Set<string>()
    const clocks = new Set<string>()
    await expect
      .poll(
        async () => {
          seen.add((await now.textContent()) ?? '')
          clocks.add((await page.locator('.clock b').textContent()) ?? '')
          return seen.size
        },
        { interval: 400 },
      )
      .toBe(4)
    expect(clocks.size).toBeGreaterThan(3)
    await page.locator('footer:not(.stale):not(.old)').waitFor()
    await expect.poll(() => page.locator('a, button, input, select, textarea, [tabindex], [onclick]').count()).toBe(0)
    // The token is not left for everyone to read.
    expect(page.url()).not.toContain(reader)
    expect(errors).toEqual([])
    await page.close()
  })

  test('letters are as large a part of a screen of 2160 lines as of 1080', async () => {
    const sizes: number[] = []
    for (const [width, height] of [
      [1920, 1080],
      [3840, 2160],
    ] as const) {
      const page = await browser.newPage({ viewport: { width, height } })
      await page.goto(`${observatory.url}/wall?scenes=health#token=${reader}`)
      await page.locator('.clock b').waitFor()
      sizes.push(
        (await page.locator('.clock b').evaluate((one) => Number.parseFloat(getComputedStyle(one).fontSize))) / height,
      )
      expect(await page.evaluate(() => document.documentElement.scrollWidth <= innerWidth)).toBe(true)
      await page.close()
    }
    expect(sizes[0]).toBeCloseTo(sizes[1]!, 4)
    // A twentieth of the height is read from ten metres.
    expect(sizes[0]).toBeGreaterThan(0.05)
  })

  test('without a session it says how to sign in, and never fails', async () => {
    const context = await browser.newContext({ locale: 'en-US' })
    const page = await context.newPage()
    await page.goto(`${observatory.url}/wall`)
    await page.locator('.how').waitFor()
    await context.close()
  })
})
