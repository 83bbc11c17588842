#!/usr/bin/env node
// SPDX-License-Identifier: Apache-2.0
// The `apemu` program: the process around src/cli/commands.ts, which an older Node.js could not even load.

import { EXIT_BAD_INPUT } from './io.ts';
import { nodeProblem, nodeWillDo } from './node-version.ts';

if (nodeWillDo(process.versions.node)) {
  const [{ runCommand }, { processIo }] = await Promise.all([
    import('./commands.ts'),
    import('./process-io.ts'),
  ]);
  const io = processIo();
  process.exitCode = await runCommand(process.argv.slice(2), io);
  io.close();
} else {
  process.stderr.write(nodeProblem(process.versions.node));
  process.exitCode = EXIT_BAD_INPUT;
}
