// SPDX-License-Identifier: Apache-2.0
// Carries out a recorder's operations on apemu's host, and returns the outcomes in the form of a recording.
// Source: test/golden/README.md (format).

import { READ_ONLY } from '../ap-bus/attribute.ts';
import { finish } from '../ap-bus/driving.ts';
import type { Errno } from '../ap-bus/errno.ts';
import type { Uevent } from '../ap-bus/events.ts';
import { linkLine, listLine, readLine } from './recorded-line.ts';
import type { GoldenPartition, OperatorAction } from './recorded-operation.ts';
import { actionsOf, type RecordedOperation } from './recorded-operation.ts';
import type { RecordedLine } from './recording.ts';
import type { Sysfs } from './sysfs.ts';

/** What a recording is made on or replayed on. */
export interface GoldenHost {
  readonly sysfs: Sysfs;
  /** The partition is this from here on; the host learns of it at its next scan. */
  setPartition(partition: GoldenPartition): void;
  /** An operator's action on an adapter; nothing happens where the partition has no such adapter. */
  operate?(action: OperatorAction, apid: number): void;
  /** Lets virtual time pass. */
  advance(deltaNs: number): void;
  nowNs?(): number;
  /** Events since the last call, oldest first. Not given: events are not compared. */
  takeUevents?(): readonly Uevent[];
}

/** Performs one operation. Lines of what came out: one, but for the files of a directory. */
export function observe(host: GoldenHost, operation: RecordedOperation): RecordedLine[] {
  const { sysfs } = host;
  const drive = (waitNs: number): void => host.advance(waitNs);
  switch (operation[0]) {
    case 'write': {
      const [verb, path, text] = operation;
      return [[verb, path, text, finish(sysfs.writeBytes(path, text), drive)]];
    }
    case 'read':
      return [read(host, operation[1])];
    case 'files':
      return readableFiles(sysfs, operation[1]).map((path) => read(host, path));
    case 'list': {
      const result = sysfs.list(operation[1]);
      return [listLine(operation[1], outcomeOf(result), result.ok ? result.names : [])];
    }
    case 'link': {
      const result = sysfs.readlink(operation[1]);
      return [linkLine(operation[1], outcomeOf(result), result.ok ? result.text : '')];
    }
    case 'partition':
      host.setPartition(operation[1]);
      return [operation];
    case 'host': {
      for (const [action, apid] of actionsOf(operation[1])) host.operate?.(action, apid);
      return [operation];
    }
  }
}

type Result = { readonly ok: true } | { readonly ok: false; readonly errno: Errno };

const outcomeOf = (result: Result): string => (result.ok ? 'ok' : result.errno);

function read(host: GoldenHost, path: string): RecordedLine {
  const result = finish(host.sysfs.readOperation(path), (waitNs) => host.advance(waitNs));
  return readLine(path, outcomeOf(result), result.ok ? result.text : '');
}

/** Files of a directory that somebody may read, links left out, in order. */
function readableFiles(sysfs: Sysfs, folder: string): string[] {
  const listing = sysfs.list(folder);
  if (!listing.ok) return [];
  return listing.names
    .map((name) => `${folder}/${name}`)
    .filter((path) => {
      const status = sysfs.lstat(path);
      return status.ok && status.kind === 'file' && (status.mode & READ_ONLY) !== 0;
    });
}
