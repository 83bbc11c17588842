// SPDX-License-Identifier: Apache-2.0
// Writes the generated pages of docs/ from the built tables. `--check` only says which are stale (exit code 1).
import { readFileSync, writeFileSync } from 'node:fs';
import { imageLayout } from './docs/image-layout.js';
import { supportMatrix } from './docs/support-matrix.js';

const ROOT = new URL('../', import.meta.url);
const built = (path) => import(new URL(`dist/native-like/${path}.js`, ROOT).href);

const tables = {
  adapterTypes: await built('arch/adapter-types'),
  facilities: await built('arch/facilities'),
  functionCodes: await built('arch/function-codes'),
  instructions: await built('arch/instructions'),
  programInterruptions: await built('arch/program-interruptions'),
  qci: await built('arch/qci'),
  registers: await built('arch/registers'),
  responseCodes: await built('arch/response-codes'),
  statusWord: await built('arch/status-word'),
  blocks: {
    ...(await built('blocks/qci')),
    ...(await built('blocks/crycb')),
    ...(await built('blocks/state-description')),
    ...(await built('blocks/gisa')),
  },
};
const source = readFileSync(new URL('native-like/machine/layout.ts', ROOT), 'utf8');
const { supportPage } = await import(new URL('dist/src/cex/support.js', ROOT).href);
const pages = {
  'docs/messages-support.md': supportPage(),
  'docs/support-matrix.md': supportMatrix(tables),
  'docs/image-layout.md': imageLayout(source, await built('machine/layout')),
};

let stale = 0;
for (const [path, text] of Object.entries(pages)) {
  const url = new URL(path, ROOT);
  if (!process.argv.includes('--check')) writeFileSync(url, text);
  else if (readFileSync(url, 'utf8') !== text) {
    stale++;
    process.stderr.write(`${path} is stale: npm run docs\n`);
  }
}
process.exitCode = stale === 0 ? 0 : 1;
