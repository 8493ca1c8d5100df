// Properties are tried with the same inputs in every run of the suite, so that a change fails for what it changed.
// `npm run test:properties` draws others, again and again.
import fc from 'fast-check'

const seed = process.env['GUANLAN_PROPERTY_SEED']
fc.configureGlobal({ seed: seed === undefined ? 20_261_125 : Number(seed) })
