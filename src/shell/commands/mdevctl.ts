// SPDX-License-Identifier: Apache-2.0
// mdevctl as a command of the shell. Its definitions and its files are those of the shell.
// Source: docs/reference/vfio-ap.md section 7.3.

import { finishAtOnce } from '../../ap-bus/driving.ts';
import type { Operation } from '../../ap-bus/operation.ts';
import { type CommandResult, done, failed } from '../../sysfs/command.ts';
import { mdevctl } from '../../sysfs/mdevctl.ts';
import type { Invocation } from './command-row.ts';

export function* runMdevctl({ args, context, input }: Invocation): Operation<CommandResult> {
  const [command = '', ...rest] = args;
  if (command === '--version' || command === '-V') return done('mdevctl 1.2.0\n');
  if (['--help', '-h', 'help'].includes(command)) return done(MDEVCTL_HELP);
  if (command === '') return failed(MDEVCTL_USAGE, 2);
  const stdin = rest.includes('--jsonfile') || rest.some((a) => a.startsWith('--jsonfile='));
  return yield* mdevctl(
    {
      sysfs: context.machine.sysfs,
      state: context.persistent,
      ...(stdin ? { stdin: input.all() } : {}),
      newUuid: () => context.random.uuid(),
      readFile: (path) => {
        const read = finishAtOnce(context.files.readOperation(path))?.value;
        return read?.ok ? read.text : undefined;
      },
    },
    args,
  );
}

const MDEVCTL_USAGE =
  'usage: mdevctl types|list|define|start|stop|modify|undefine [-u UUID] [-p matrix] [-t TYPE]';

const MDEVCTL_HELP = `Usage: mdevctl COMMAND [OPTIONS]

Defines, starts and stops mediated devices.

Commands:
  types     [-p PARENT] [--dumpjson]             types that parents offer
  list      [-d] [-u UUID] [-p PARENT] [-v]      active or, with -d, defined devices
  define    [-u UUID] -p PARENT -t TYPE [-a]     keeps a definition; of a running device too
  undefine  -u UUID [-p PARENT]                  forgets a definition
  start     -u UUID [-p PARENT -t TYPE]          makes the device
  stop      -u UUID                              removes it
  modify    -u UUID [--addattr NAME --value V]   changes a definition; --live: the device

Options:
  -u, --uuid UUID   -p, --parent PARENT   -t, --type TYPE   -a, --auto   -m, --manual
  --jsonfile FILE   --dumpjson            -h, --help        --version
`;
