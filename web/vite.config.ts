import adapter from '@sveltejs/adapter-static'
import { sveltekit } from '@sveltejs/kit/vite'
import { defineConfig } from 'vite'
import { traditionalWords } from './traditional-words.ts'

const target = process.env['GUANLAN_URL'] ?? 'http://127.0.0.1:7700'

export default defineConfig({
  plugins: [
    traditionalWords(),
    sveltekit({
      // Static and client-side: the server answers every path with the same page.
      adapter: adapter({ pages: 'build', assets: 'build', fallback: 'index.html' }),
    }),
  ],
  build: { target: 'es2023' },
  server: { proxy: { '/api': target, '/feeds': target } },
})
