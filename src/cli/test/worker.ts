// SPDX-License-Identifier: Apache-2.0
// A thread that runs AP programs and scenarios, one after the other.

import { runCommand } from '../commands.ts';
import { type Captured, captured } from './captured.ts';

export default (args: readonly string[]): Promise<Captured> =>
  captured(runCommand, args, new AbortController().signal);
