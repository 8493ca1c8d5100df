import { theme } from '../theme.svelte.ts'

// Okabe and Ito's palette, safe for the colour-blind, darkened for white.
const light = ['#0067a5', '#c26a00', '#00805c', '#b0558f', '#6a6a00', '#3c8fc4', '#a1360a']
const dark = ['#5db2ea', '#f0a43a', '#35c79c', '#df94bf', '#d8cf4a', '#9fd0f0', '#f08a5d']

/** Colours of series in their order; no more are drawn at once. */
export function palette(): string[] {
  return theme.isDark ? dark : light
}
