export default {
  testMatch: ['<rootDir>/test/**/*.test.ts'],
  extensionsToTreatAsEsm: ['.ts'],
  transform: { '\\.ts$': '<rootDir>/test/strip-types.cjs' },
  testEnvironment: 'node',
  // Lends control planes to the files that ask for one; the others never wait for it.
  globalSetup: '<rootDir>/test/e2e/global-setup.ts',
  globalTeardown: '<rootDir>/test/e2e/global-teardown.ts',
  testSequencer: '<rootDir>/test/sequencer.cjs',
  // More than there are processors: an end-to-end test waits most of its time.
  maxWorkers: 4,
  testTimeout: 120_000,
};
