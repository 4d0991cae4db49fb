// opossum's side of the comparison in ../run, which says how the two talk.

import { createRequire } from 'node:module';
import { createInterface } from 'node:readline';

const require = createRequire(process.argv[2] + '/');
const CircuitBreaker = require('opossum');
const version = require('opossum/package.json').version;

async function work(x) {
  return x;
}

// Opossum knows no count window, and its time-out is off: the others have none either.
const options = {
  timeout: false,
  errorThresholdPercentage: 50,
  volumeThreshold: 10,
  rollingCountTimeout: 10_000,
  rollingCountBuckets: 10,
  resetTimeout: 86_400_000,
};
const closed = new CircuitBreaker(work, options);
const open = new CircuitBreaker(work, options);
open.open();

// Each makes n calls, and returns how many reached the operation.
const rows = {
  bare: {
    reaches: true,
    async run(n) {
      let reached = 0;
      for (let i = 0; i < n; i++) reached += await work(1);
      return reached;
    },
  },
  'time call': {
    reaches: true,
    async run(n) {
      let reached = 0;
      for (let i = 0; i < n; i++) reached += await closed.fire(1);
      return reached;
    },
  },
  'time refusal': {
    reaches: false,
    async run(n) {
      let reached = 0;
      for (let i = 0; i < n; i++) {
        try {
          reached += await open.fire(1);
        } catch (refused) {
          if (refused.code !== 'EOPENBREAKER') throw refused;
        }
      }
      return reached;
    },
  },
};

// CPU ns per call, of all threads of the process: those that collect garbage are part of the price.
async function measure(row) {
  const before = process.cpuUsage();
  const reached = await row.run(row.n);
  const { user, system } = process.cpuUsage(before);
  if (reached !== (row.reaches ? row.n : 0)) throw new Error('a row did not do its work');
  return ((user + system) * 1000) / row.n;
}

// Until a batch takes a tenth of a second, and then as long again as the compiler may want.
for (const row of Object.values(rows)) {
  row.n = 1000;
  for (let i = 0; i < 10; i++) while ((await measure(row)) * row.n < 1e8) row.n *= 2;
}

console.log(`ready opossum ${version}, Node ${process.versions.node}`);
for await (const name of createInterface({ input: process.stdin })) {
  console.log(rows[name] ? await measure(rows[name]) : -1);
}
process.exit();
