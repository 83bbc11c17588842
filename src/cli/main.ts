#!/usr/bin/env node
// SPDX-License-Identifier: Apache-2.0
// The `apemu` program: the process around src/cli/commands.ts.

import { runCommand } from './commands.ts';
import { processIo } from './process-io.ts';

const io = processIo();
process.exitCode = await runCommand(process.argv.slice(2), io);
io.close();
