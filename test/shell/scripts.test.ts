// SPDX-License-Identifier: Apache-2.0
// Issue 14, item 11: scripts of the shapes administrators and test suites have run to their end, unchanged.
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { type Ran, TestShell, withShell } from './support.ts';

const script = (name: string): string => readFileSync(`examples/scripts/${name}.sh`, 'utf8');

/** Runs a script with its words, after a few commands, on a machine of its own. */
const run = (name: string, words: readonly string[], before = ':', bare = false): Promise<Ran> =>
  withShell(
    async ({ shell: { context } }) => {
      await new TestShell(context.machine).run(before);
      return new TestShell(context.machine, { parameters: [`${name}.sh`, ...words] }).run(
        script(name),
      );
    },
    { bare },
  );

describe('14.11: a script that sets cards up at the first boot', () => {
  it('releases the cards there are, writes what it did, and cleans up', async () => {
    expect(await run('set-up-cards', ['05', '0x6', '99'], ':', true)).toEqual({
      out: `queue 05.0004 unassigned
queue 05.00ab unassigned
queue 06.0004 unassigned
queue 06.00ab unassigned
cards=5,6
domains=0004 00ab
mask=0xf9ffffffffffffff
`,
      err: 'WARN  no crypto card 99 here\nINFO  finished with status 0\n',
      status: 0,
    });
  });

  it.each([
    [[], 'ERROR which cards?'],
    [['zz'], 'ERROR no card number: zz'],
    [['20', '21'], 'ERROR nothing was released'],
  ])('with %j it ends with status 1, and its trap runs', async (words, message) => {
    const { err, status } = await run('set-up-cards', words, ':', true);
    expect(err).toContain(message);
    expect(err).toMatch(/INFO {2}finished with status 1\n$/);
    expect(status).toBe(1);
  });
});

describe('14.11: a script that runs a guest on a mediated device of its own', () => {
  const free = 'guest stop Guest1; echo 1 > /sys/devices/vfio_ap/matrix/$Guest1/remove';

  it('makes it, finds its vfio group, runs the guest, and takes everything away', async () => {
    expect(await run('run-guest', ['Guest1', '06.0004 06.00ab'], free)).toEqual({
      out: `[run-guest.sh] made e546d12b
[run-guest.sh] 2 queues: 06:0004 06:00ab
[run-guest.sh] the guest sees 2
`,
      err: '',
      status: 0,
    });
  });

  it('says with which status a line failed, and still takes everything away', async () => {
    await withShell(async ({ shell: { context } }) => {
      const parameters = ['run-guest.sh', 'Guest1', '06.0004'];
      const ran = await new TestShell(context.machine, { parameters }).run(script('run-guest'));
      expect(ran.status).toBe(1);
      expect(ran.err).toContain('write error: Address already in use');
      expect(ran.out).toContain('line failed with 1');
      expect((await new TestShell(context.machine).run('mdevctl list | wc -l')).out).toBe('2\n');
    });
  });
});

describe('14.11: helpers of a test suite for passthrough', () => {
  it('pass', async () => {
    const { out, err, status } = await run('passthrough-helpers', ['--test']);
    expect({ last: out.trimEnd().split('\n').at(-1), err, status }).toEqual({
      last: '8 passed, 0 failed',
      err: '',
      status: 0,
    });
  });

  it('fail where the machine is another, with the status of what failed', async () => {
    const { out, status } = await run('passthrough-helpers', ['--test'], ':', true);
    expect(out).toContain('FAIL: free a card in use (status 0)');
    expect(status).toBe(1);
  });
});
