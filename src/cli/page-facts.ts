// SPDX-License-Identifier: Apache-2.0
// The origin of a page: which command, which machine, which version, on which computer, and when.

import { cpus } from 'node:os';
import type { MachineConfig } from '../config/types.ts';
import type { Facts } from '../load/page.ts';
import { shellWord } from '../program/report.ts';
import { packageVersion } from './version.ts';

/** `seed`: as given on the command line, instead of the configuration's. */
export function pageFacts({ machine }: MachineConfig, seed: number | undefined): Facts {
  const adapters = [...machine.adapters.values()].map(
    ({ apid, mode }) => `${apid.toString(16).padStart(2, '0')} ${mode}`,
  );
  return [
    ['command', commandLine()],
    ['seed', String(seed ?? machine.seed)],
    ['machine', `${machine.profile}: ${adapters.join(', ')}`],
    ...hereAndNow(),
  ];
}

/** The facts about two files that were compared. */
export const comparisonFacts = (a: string, b: string): Facts => [
  ['command', commandLine()],
  ['A', a],
  ['B', b],
  ['apemu', packageVersion()],
  ['date', new Date().toISOString()],
];

const commandLine = (): string => ['apemu', ...process.argv.slice(2)].map(shellWord).join(' ');

const hereAndNow = (): Facts => {
  const processors = cpus();
  return [
    ['apemu', packageVersion()],
    [
      'computer',
      `${processors.length} x ${processors[0]?.model ?? process.arch}, Node.js ${process.versions.node}`,
    ],
    ['date', new Date().toISOString()],
  ];
};
