export { runUnitTests, type UnitTestResult } from './unit-test.ts'
