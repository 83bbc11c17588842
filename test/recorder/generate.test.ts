// SPDX-License-Identifier: Apache-2.0
// Sequences of operations from a seed: repeatable, of the kinds asked for, and operations of a recording.
import { describe, expect, it } from 'vitest';
import { configFromObject } from '../../src/config/load.ts';
import { KINDS } from '../../src/host-operations/kinds.ts';
import { generateSteps } from '../../src/recorder/generate.ts';
import { GOLDEN_CONFIG } from '../../src/recorder/golden-host.ts';
import { ModelKernel } from '../../src/recorder/model-kernel.ts';
import { operationOf } from '../../src/sysfs/recorded-line.ts';
import { isChange } from '../../src/sysfs/recorded-operation.ts';
import { recordedLines } from '../../src/sysfs/recording.ts';

const { config } = configFromObject(GOLDEN_CONFIG);
const steps = (seed: number, operations = 100, kinds?: readonly string[]) =>
  generateSteps({ seed, operations, kinds }, config);

describe('a sequence', () => {
  it('is the same for the same seed, and another one for another', () => {
    expect(steps(7)).toEqual(steps(7));
    expect(steps(7)).not.toEqual(steps(8));
  });

  it.each(KINDS.map(({ name }) => name))('of kind %s has operations of that kind', (name) => {
    const made = steps(1, 60, [name]).filter(({ kind }) => kind === name);
    expect(made.length).toBeGreaterThanOrEqual(60);
    const others = KINDS.map((kind) => kind.name).filter(
      (other) => ![name, 'life', 'masks'].includes(other),
    );
    expect(steps(1, 60, [name]).some(({ kind }) => others.includes(kind))).toBe(false);
  });

  it('leaves kinds out that another one has, and never has the kind that ends kernels', () => {
    const kindsOf = (seed: number) => new Set(steps(seed, 300).map(({ kind }) => kind));
    const all = Array.from({ length: 20 }, (_, seed) => kindsOf(seed));
    for (const { name, weight } of KINDS) {
      const having = all.filter((kinds) => kinds.has(name)).length;
      if (weight === 0) expect(having).toBe(0);
      else expect(having).toBeGreaterThan(0);
      if (!['assignment', 'life', 'masks'].includes(name)) expect(having).toBeLessThan(20);
    }
  });

  it('has a scan after each change of the partition', () => {
    const all = steps(3, 200, ['partition', 'configure', 'checkstop']).map(
      ({ operation }) => operation,
    );
    const changes = all.flatMap(([verb], n) =>
      verb === 'write' ? [] : isChange(all[n]) ? [n] : [],
    );
    expect(changes.length).toBeGreaterThan(50);
    for (const n of changes) expect(all[n + 1]).toEqual(['write', '/sys/bus/ap/scans', '1\n']);
  });

  it('looks at every mdev after each operation, and at everything at its end', () => {
    const reads = steps(1, 50).filter(({ kind }) => kind === 'state');
    const paths = reads.map(({ operation }) => operation[1]);
    expect(paths.filter((path) => String(path).endsWith('/guest_matrix'))).toHaveLength(3 * 50);
    expect(paths.at(-1)).toBe('/sys/bus/ap/drivers/vfio_ap');
  });
});

describe('operations of a recording', () => {
  const LINES: readonly (readonly [string, unknown])[] = [
    ['["write","/sys/a","1\\n","ok"]', ['write', '/sys/a', '1\n']],
    ['["read","/sys/a","EACCES"]', ['read', '/sys/a']],
    ['["driver","/sys/q",null]', ['link', '/sys/q/driver']],
    ['["list","/sys/d","ok",["x"]]', ['list', '/sys/d']],
    ['["host",{"checkstop":5}]', ['host', { checkstop: 5 }]],
    [
      '["complaint",["write","/sys/a","1"],{"name":"Oops","line":"x","place":"f"}]',
      ['write', '/sys/a', '1'],
    ],
    ['["time",5]', undefined],
    ['["uevent","add@/x"]', undefined],
  ];
  it.each(LINES)('%s', (text, expected) => {
    const [{ line }] = recordedLines(text, 'test');
    expect(operationOf(line)).toEqual(expected);
  });

  it.each([
    '["complaint",["write","/sys/a"],{"name":"Oops","line":"x","place":"f"}]',
    '["complaint",["fly","/sys/a"],{"name":"Oops","line":"x","place":"f"}]',
    '["complaint",["read","/sys/a"],{"name":"Oops","line":"x"}]',
    '["complaint",["partition",{"adapters":[1]}],{"name":"Oops","line":"x","place":"f"}]',
  ])('%s is no line of a recording', (text) => {
    expect(() => [...recordedLines(text, 'test')]).toThrow('not a line of a recording');
  });
});

describe('devices that come while nobody is probed', () => {
  // The model refuses where Linux falls over (VD-40): that is how the place is known.
  it.each([1, 2, 3])(
    'end in a queue bound while its card has no driver, without a card’s driver being taken: seed %i',
    async (seed) => {
      const operations = steps(seed, 120, ['autoprobe'])
        .map(({ operation }) => operation)
        .filter(isChange);
      const kernel = new ModelKernel({ ...config, host: { ...config.host, kernel: 'linux-6.12' } });
      const { lines } = await kernel.run(operations, new AbortController().signal);
      const ofCards = operations.filter(([, path]) => String(path).includes('drivers/cex4card'));
      expect(ofCards).toEqual([]);
      const refused = lines.flat().filter((line) => line[0] === 'write' && line[3] === 'EINVAL');
      expect(refused.map(([, path]) => path)).toContain('/sys/bus/ap/drivers/cex4queue/bind');
      await kernel.close();
    },
  );
});
