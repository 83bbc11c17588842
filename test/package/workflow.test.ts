// SPDX-License-Identifier: Apache-2.0
// The workflow of docs/ci.md: complete, and what `npm run test:package` executes of it.
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { shellSteps, workflowOf } from '../../scripts/workflow.js';

interface Step {
  readonly uses?: string;
  readonly run?: string;
  readonly with?: Readonly<Record<string, string>>;
}

const workflow = workflowOf(join(import.meta.dirname, '../..'));
const steps: Step[] = workflow.jobs.apemu.steps;

describe('the workflow of docs/ci.md', () => {
  it('names a system, and for each step an action with its version or commands', () => {
    expect(workflow.on).toEqual(['push', 'pull_request']);
    expect(workflow.jobs.apemu['runs-on']).toBe('ubuntu-latest');
    expect(workflow.jobs.apemu.container).toMatch(/^node:\d+-bookworm$/);
    for (const { uses, run } of steps) expect(uses ?? run).toMatch(/^[\w/-]+@v\d+$|\w/);
  });

  it('keeps the guest image from run to run, where apemu looks for it, before it is made', () => {
    const cache = steps.findIndex(({ uses }) => uses?.startsWith('actions/cache@'));
    expect(steps[cache].with).toMatchObject({ path: '~/.cache/apemu' });
    expect(steps[cache].with?.['key']).toMatch(/^apemu-guest-image-6\.12-\$\{\{ hashFiles/);
    expect(steps.findIndex(({ run }) => run?.includes('guest-image'))).toBeGreaterThan(cache);
  });

  it('has shell commands to execute, the tests last', () => {
    const commands = shellSteps(workflow).map(({ run }: { run: string }) => run.trim());
    expect(commands).toHaveLength(4);
    expect(commands.at(-1)).toBe('npx --no-install apemu test tests --junit results.xml');
  });
});
