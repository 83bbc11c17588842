// SPDX-License-Identifier: Apache-2.0
// The workflow of docs/ci.md, taken out of the page: what its steps are, and the shell commands among them.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse } from 'yaml';

const PAGE = 'docs/ci.md';
const BLOCK = /^```yaml\n(name: [\s\S]*?)^```$/m;

/** The workflow as plain values. */
export const workflowOf = (root) => {
  const text = readFileSync(join(root, PAGE), 'utf8');
  return parse(BLOCK.exec(text)[1]);
};

/** Its shell commands in their order: `{ name, run }`. */
export const shellSteps = (workflow) =>
  Object.values(workflow.jobs)
    .flatMap(({ steps }) => steps)
    .filter(({ run }) => run !== undefined);
