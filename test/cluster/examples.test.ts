// SPDX-License-Identifier: Apache-2.0
// Programs of examples/migration: right with the open points decided (strict); with the posted series the defect of each shows in the
// line that is about it.
import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { loadConfigOrClusterFile } from '../../src/config/load.ts';
import type { ClusterConfig } from '../../src/config/types.ts';
import { openProgramCluster } from '../../src/program/cluster-adapter.ts';
import { parseProgram } from '../../src/program/parse.ts';
import { RunnableProgram } from '../../src/program/run.ts';

const FOLDER = new URL('../../examples/migration/', import.meta.url).pathname;
const programs = readdirSync(FOLDER).filter((name) => name.endsWith('.ap'));

const clusterOf = (file: string): ClusterConfig => {
  const { config, warnings } = loadConfigOrClusterFile(FOLDER + file);
  expect(warnings).toEqual([]);
  if (!('machines' in config)) throw new Error(`${file} is no cluster`);
  return config;
};

const run = async (name: string, config?: string): Promise<string[]> => {
  const program = parseProgram(readFileSync(FOLDER + name, 'utf8'), name);
  const machine = await openProgramCluster(clusterOf(config ?? program.config ?? ''));
  try {
    const { mismatches } = new RunnableProgram(program, machine).run();
    return mismatches.map(({ operation }) => operation);
  } finally {
    machine.close();
  }
};

/** What differs with the posted series; a program that is not here shows no defect. */
const DEFECTS: Readonly<Record<string, readonly string[]>> = {
  'queues-of-another.ap': [
    'B/sysfs: cat /sys/devices/vfio_ap/matrix/$Other/guest_matrix',
    'Other.0: tapq 06.0004',
  ],
  'magic.ap': ['migrate: Guest1 B wire=0:00000000'],
  'list-of-three.ap': ['migrate: Guest1 B wire=104:0604'],
  'domains-that-leave.ap': ['B/host: tapq 05.0047'],
};

describe('examples of migration', () => {
  it.each(programs)('%s is right with strict', async (name) => {
    expect(await run(name)).toEqual([]);
  });

  it.each(Object.entries(DEFECTS))('%s shows its defect with posted-b', async (name, lines) => {
    expect(await run(name, 'posted.yaml')).toEqual(lines);
  });
});
