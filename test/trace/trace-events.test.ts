// SPDX-License-Identifier: Apache-2.0
// --trace FILE.json: the Trace Event Format, which Perfetto and Chromium open; what is in it, against what the run itself reports.

import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import Type from 'typebox';
import { Errors } from 'typebox/value';
import { afterAll, describe, expect, it } from 'vitest';
import { createMachine, type TraceEvent, TraceEvents, traceFile } from '../../src/index.ts';
import { KernelMessages } from '../../src/trace/kernel-messages.ts';
import { apemu } from '../cli/fake-io.ts';

const folder = mkdtempSync(join(tmpdir(), 'apemu-trace-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** One engine of 100 us behind a queue of eight: messages wait for it. */
const MACHINE = `apemu: 1
machine:
  adapters:
    5: { mode: loopback, service: { model: fixed, time: 100us, engines: 1 } }
    6: { mode: loopback, service: { model: fixed, time: 30us, engines: 1 } }
  usageDomains: [4]
guests:
  Guest1:
    mdev: { adapters: [5, 6], domains: [4] }
    program: ap-bus
    workload: { name: loopback, messages: 200 }
`;
const config = join(folder, 'machine.yaml');
writeFileSync(config, MACHINE);

const common = {
  pid: Type.Integer(),
  tid: Type.Integer(),
  name: Type.String(),
  ts: Type.Number({ minimum: 0 }),
};
const args = Type.Optional(Type.Record(Type.String(), Type.Unknown()));
const cat = Type.String({ minLength: 1 });
const id = Type.String({ pattern: '^0x[0-9a-f]+$' });
const closed = { additionalProperties: false };
/** The phases used here, each with the fields the format demands of it and no others. */
const EVENT = Type.Union([
  Type.Object(
    { ...common, ph: Type.Literal('X'), cat, dur: Type.Number({ minimum: 0 }), args },
    closed,
  ),
  Type.Object(
    {
      ...common,
      ph: Type.Literal('i'),
      cat,
      s: Type.Union([Type.Literal('t'), Type.Literal('p'), Type.Literal('g')]),
      args,
    },
    closed,
  ),
  Type.Object({ ...common, ph: Type.Literal('b'), cat, id, args }, closed),
  Type.Object({ ...common, ph: Type.Literal('e'), cat, id }, closed),
  Type.Object({ ...common, ph: Type.Literal('s'), cat, id }, closed),
  Type.Object({ ...common, ph: Type.Literal('f'), bp: Type.Literal('e'), cat, id }, closed),
  Type.Object(
    { ...common, ph: Type.Literal('C'), args: Type.Record(Type.String(), Type.Number()) },
    closed,
  ),
  Type.Object(
    { ...common, ph: Type.Literal('M'), args: Type.Object({ name: Type.String() }, closed) },
    closed,
  ),
]);
const FILE = Type.Object(
  {
    displayTimeUnit: Type.Union([Type.Literal('ms'), Type.Literal('ns')]),
    traceEvents: Type.Array(EVENT),
    metadata: Type.Record(Type.String(), Type.Unknown()),
  },
  closed,
);

const read = (name: string): TraceEvent[] => {
  const file = JSON.parse(readFileSync(join(folder, name), 'utf8'));
  expect([...Errors(FILE, file)].slice(0, 3)).toEqual([]);
  return file.traceEvents;
};

/** Time of the spans of one name on a queue's track, nanoseconds. */
const spentNs = (events: readonly TraceEvent[], queue: string, name: string): number => {
  const begun = new Map<string, number>();
  let sum = 0;
  for (const event of events) {
    if (event.cat !== `queue ${queue}` || event.name !== name) continue;
    if (event.ph === 'b') begun.set(event.id ?? '', event.ts);
    else sum += 1000 * (event.ts - (begun.get(event.id ?? '') ?? Number.NaN));
  }
  return sum;
};

describe('a load in virtual time', () => {
  it("waiting, service and time until fetched are the report's, queue by queue", async () => {
    const trace = join(folder, 'load.json');
    const { output } = await apemu(['run', config, '--stepped', '--json', '--trace', trace]);
    const records = output
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line));
    const events = read('load.json');
    for (const [queue, apid] of [
      ['05.0004', 5],
      ['06.0004', 6],
    ] as const) {
      const adapter = records.find((one) => one.record === 'adapter' && one.apid === apid);
      expect(adapter.served).toBeGreaterThanOrEqual(200);
      expect(adapter.waitNs).toBeGreaterThan(0);
      expect(spentNs(events, queue, 'waiting')).toBeCloseTo(adapter.waitNs * adapter.served, 0);
      expect(spentNs(events, queue, 'in service')).toBeCloseTo(
        adapter.serviceNs * adapter.served,
        0,
      );
    }
    const run = records.find((one) => one.record === 'run');
    const whole = ['05.0004', '06.0004'].reduce(
      (sum, queue) => sum + spentNs(events, queue, queue),
      0,
    );
    // The driver's own first request is in the trace and not among the messages.
    expect(whole).toBeGreaterThanOrEqual(run.meanNs * run.answered - 1);
    expect(whole).toBeLessThan(run.meanNs * run.answered * 1.05);
  });

  it('is made of pairs: spans nest on their queue, arrows go from NQAP to DQAP', () => {
    const events = read('load.json');
    const open = new Map<string, string[]>();
    for (const { ph, id: key = '', name } of events) {
      const stack = open.get(key) ?? [];
      if (ph === 'b') open.set(key, [...stack, name]);
      if (ph !== 'e') continue;
      expect(stack.at(-1)).toBe(name);
      open.set(key, stack.slice(0, -1));
    }
    expect([...open.values()].every((stack) => stack.length === 0)).toBe(true);
    const arrows = (ph: string) => events.filter((event) => event.ph === ph);
    expect(arrows('s').length).toBe(arrows('f').length);
    for (const arrow of arrows('f')) {
      const slice = events.find(
        ({ ph, pid, tid, ts }) =>
          ph === 'X' && pid === arrow.pid && tid === arrow.tid && ts === arrow.ts,
      );
      expect(slice?.name).toMatch(/^DQAP /);
    }
  });

  it('has a process for each guest, a thread for each vCPU, and slices that do not overlap', () => {
    const events = read('load.json');
    const names = events.filter(({ ph }) => ph === 'M').map(({ args: one }) => one?.['name']);
    expect(names).toEqual(expect.arrayContaining(['partition', 'Guest1', 'vCPU 0', 'masks']));
    let end = 0;
    for (const { ph, ts, dur = 0 } of events) {
      if (ph !== 'X') continue;
      expect(ts).toBeGreaterThanOrEqual(end - 1e-6);
      end = ts + dur;
    }
  });
});

const PROGRAM = `apemu-program 1
config machine.yaml
fault: 05.0004 on=tapq rc=05 count=1
Guest1.0: tapq 05.0004                               => rc=05
Guest1.0: nqap 05.0004 psmid=1 addr=0x4000 len=64    => rc=00
Guest1.0: dqap 05.0004 addr=0x5000 len=0x3000        => rc=10
lpar: deconfigure 5
Guest1.0: tapq 05.0004                               => rc=03
Guest1.0: insn b2af0000 gr0=2a000504                 => pgm=0006
sysfs: echo 6 > /sys/devices/vfio_ap/matrix/$Guest1/unassign_adapter => ok
`;

describe('an AP program', () => {
  it('shows response codes, faults, the operator, program interruptions and masks as instants', async () => {
    const program = join(folder, 'program.ap');
    writeFileSync(program, PROGRAM);
    const { code, errors } = await apemu([
      'exec',
      program,
      '--trace',
      join(folder, 'program.json'),
    ]);
    expect([code, errors]).toEqual([0, expect.stringMatching(/^trace: \d+ instructions in /)]);
    const events = read('program.json');
    const instants = events
      .filter(({ ph }) => ph === 'i')
      .map(({ cat: what, name }) => `${what}: ${name}`);
    expect(instants).toEqual(
      expect.arrayContaining([
        'fault: declared: 05.0004 on=tapq rc=05 count=1',
        'fault: strikes: 05.0004 on=tapq rc=05 count=1',
        expect.stringMatching(/^response code: RC 05 try again/),
        expect.stringMatching(/^response code: RC 03 /),
        'operator: deconfigure 05',
        'program interruption: pgm=0006',
        'masks: adapters 05, domains 0004',
      ]),
    );
    const [message] = events.filter(({ ph, name }) => ph === 'b' && name === '05.0004');
    expect(message?.args).toMatchObject({
      psmid: '0000000000000001',
      ending: 'flushed',
      guest: 'Guest1',
    });
  });

  it('is one: several have no common time', async () => {
    const file = join(folder, 'program.ap');
    const { code, errors } = await apemu(['exec', file, file, '--trace', join(folder, 'x.json')]);
    expect([code, errors]).toEqual([2, expect.stringMatching(/--trace is for one program/)]);
  });
});

describe('the library', () => {
  it('gives the same events; what was not fetched ends unanswered', async () => {
    const events: TraceEvent[] = [];
    const trace = new TraceEvents((event) => events.push(event));
    const { onTrace, onEvent } = trace;
    const machine = await createMachine(MACHINE, { onTrace, onEvent });
    machine.exec(
      'apemu-program 1\nGuest1.0: nqap 06.0004 psmid=2 addr=0x4000 len=64 => rc=00\nclock: run\n',
    );
    machine.close();
    trace.end();
    const file = JSON.parse(traceFile(events, { seed: 1 }));
    expect([...Errors(FILE, file)]).toEqual([]);
    expect(spentNs(events, '06.0004', 'in service')).toBeCloseTo(30_000, 3);
    const [message] = events.filter(({ ph, name }) => ph === 'b' && name === '06.0004');
    expect(message?.args?.['ending']).toBe('unanswered');
  });
});

describe("a guest's kernel messages", () => {
  it("lie in the machine's time as the one that came soonest says", () => {
    const log = new KernelMessages();
    log.console('A', '[    0.000000] Linux version\r\n[    0.10', 5_000_000_000);
    log.console('A', '0000] second\nno kernel message\n', 4_700_000_000);
    expect(log.all()).toEqual([
      { guest: 'A', timeNs: 4_600_000_000, text: 'Linux version' },
      { guest: 'A', timeNs: 4_700_000_000, text: 'second' },
    ]);
  });
});
