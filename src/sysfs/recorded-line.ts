// SPDX-License-Identifier: Apache-2.0
// Lines of a recording and the operations they come from.
// Source: test/golden/README.md (format).
import type { RecordedOperation } from './recorded-operation.ts';
import type { RecordedLine } from './recording.ts';

const DRIVER = '/driver';

/** The operation a line is the outcome of; undefined: of none. */
export function operationOf(line: RecordedLine): RecordedOperation | undefined {
  switch (line[0]) {
    case 'write':
      return ['write', line[1], line[2]];
    case 'read':
    case 'list':
    case 'link':
      return [line[0], line[1]];
    case 'driver':
      return ['link', `${line[1]}${DRIVER}`];
    case 'partition':
    case 'host':
      return line;
    case 'complaint':
      return line[1];
    default:
      return undefined;
  }
}

/** How a link is recorded, by its target or the errno of readlink(2). */
export function linkLine(path: string, outcome: string, target: string): RecordedLine {
  const ok = outcome === 'ok';
  if (!path.endsWith(DRIVER)) return ['link', path, ok ? target : outcome, ok];
  const driver = ok ? target.slice(target.lastIndexOf('/') + 1) : null;
  return ['driver', path.slice(0, -DRIVER.length), driver];
}

export const readLine = (path: string, outcome: string, text: string): RecordedLine =>
  outcome === 'ok' ? ['read', path, 'ok', text] : ['read', path, outcome];

export const listLine = (path: string, outcome: string, names: readonly string[]): RecordedLine =>
  outcome === 'ok' ? ['list', path, 'ok', names] : ['list', path, outcome];
