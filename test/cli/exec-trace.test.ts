// SPDX-License-Identifier: Apache-2.0
// 19.14: `apemu exec --trace` of what has a time of its own: a scenario with its driver, and several machines.

import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import type { TraceEvent } from '../../src/trace/trace-events.ts';
import { apemu } from './fake-io.ts';

const folder = mkdtempSync(join(tmpdir(), 'apemu-exec-trace-'));
afterAll(() => rmSync(folder, { recursive: true }));

const traced = async (program: string, name: string): Promise<string> => {
  const file = join(folder, name);
  const { code, errors } = await apemu(['exec', program, '--trace', file]);
  expect([code, errors]).toEqual([0, expect.stringMatching(/^trace: [1-9]\d* instructions in /)]);
  return readFileSync(file, 'utf8');
};
const eventsIn = (text: string): readonly TraceEvent[] =>
  (JSON.parse(text) as { readonly traceEvents: readonly TraceEvent[] }).traceEvents;

describe('--trace of several machines', () => {
  const program = 'examples/migration/migrate.ap';

  it('has the processes of each machine under its name, and messages that are not mixed up', async () => {
    const events = eventsIn(await traced(program, 'machines.json'));
    const names = new Map(
      events
        .filter(({ name }) => name === 'process_name')
        .map(({ pid, args }) => [pid, args?.['name']]),
    );
    expect([...names.values()].sort()).toEqual([
      ...['A: Guest1', 'A: partition', 'B: Guest1', 'B: partition'],
    ]);
    for (const { pid, ph } of events) if (ph !== 'M') expect(names.has(pid)).toBe(true);
    // The guest goes on on B what it began on A, each machine with messages of its own.
    const machinesOf = (event: string): Set<number> =>
      new Set(events.filter(({ name }) => name.startsWith(event)).map(({ pid }) => pid % 10_000));
    expect(machinesOf('TAPQ').size).toBe(1);
    const ids = events.filter(({ ph }) => ph === 'b' || ph === 's').map(({ id }) => id ?? '');
    expect(ids.length).toBeGreaterThan(0);
    for (const id of ids) expect(id).toMatch(/^0x[0-9a-f]+\.[01]$/);
  });

  it('names the machine in each line of a text', async () => {
    const lines = (await traced(program, 'machines.txt')).trim().split('\n');
    expect(lines.map((line) => /^ +[\d.]+ ([AB])\/Guest1\.0 /.exec(line)?.[1])).toEqual(
      expect.arrayContaining(['A', 'B']),
    );
  });
});

describe('--trace of a scenario', () => {
  const program = join(folder, 'late.ap');
  writeFileSync(
    program,
    `apemu-program 1\nconfig ${resolve('examples/two-guests.yaml')}\non Guest1 nqap #1: delay=1ms\nuser: request 05.0004\n`,
  );

  it('has the instructions of the driver from its start, and the message that came late', async () => {
    const events = eventsIn(await traced(program, 'scenario.json'));
    const spans = events.filter(({ cat, ph }) => cat === 'queue 05.0004' && ph !== 'i');
    const lives = spans
      .filter(({ name, ph }) => name === '05.0004' && ph === 'b')
      .map(({ id, ts, args }) => ({
        args,
        us:
          (spans.find((end) => end.id === id && end.name === '05.0004' && end.ph === 'e')?.ts ??
            0) - ts,
      }));
    expect(lives).toContainEqual({
      us: 1000,
      args: expect.objectContaining({ ending: 'fetched', guest: 'Guest1' }),
    });
  });

  it('gives the same bytes each time', async () => {
    expect(await traced(program, 'a.txt')).toBe(await traced(program, 'b.txt'));
  });
});
