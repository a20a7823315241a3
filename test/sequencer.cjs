// The order of the files: those that take long come first, so that no worker is left alone with one at the end. What a
// file took in the last run decides where that is known; in a clean checkout, whether it works with other processes.
const { readFileSync } = require('node:fs');
const { default: Sequencer } = require('@jest/test-sequencer');

const otherProcesses = /\b(useScene|useCluster|startGitServer|startSshd|spawn|execFile)\(/;

function weightOf({ duration, path }) {
  if (duration !== undefined) return duration;
  const text = readFileSync(path, 'utf8');
  return text.length + (otherProcesses.test(text) ? 20_000 : 0);
}

module.exports = class extends Sequencer {
  sort(tests) {
    const known = super.sort(tests).map((test) => ({ test, weight: weightOf(test) }));
    return known.sort((a, b) => b.weight - a.weight).map(({ test }) => test);
  }
};
