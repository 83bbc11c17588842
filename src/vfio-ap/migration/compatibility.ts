// SPDX-License-Identifier: Apache-2.0
// Decides whether a queue of the destination can stand in for one of the source, and what the kernel says if it cannot.
// Source: docs/reference/migration.md section 6.
import { apqnName, hex } from '../../ap-bus/apqn.ts';
import type { QueueData } from './stream-layout.ts';

/** Facility bits of GR2 that must be equal, in the order of the messages. */
const EQUAL: readonly (readonly [bit: number, name: string, verb: string])[] = [
  [0, 'APSC facility', 'installed'],
  [1, 'mex4k facility', 'installed'],
  [2, 'crt4k facility', 'installed'],
  [3, 'Coprocessor-mode facility', 'installed'],
  [4, 'Accelerator-mode facility', 'installed'],
  [5, 'XCP-mode facility', 'installed'],
  [6, 'AP-extended-addressing (APXA) facility', 'installed'],
  [7, 'Stateless-command-filtering (SLCF)', 'available'],
];
/** Bit of the facility word that stands for the full function set. */
const CLASS_BIT = 8;
const BIND_SHIFT = 14;

const has = (high: number, bit: number): boolean => ((high << bit) & 0x80000000) !== 0;
const bindState = (high: number): number => (high >>> BIND_SHIFT) & 3;

/** Lines of the kernel's log about a pair of queues; none if they are compatible. `target` is GR2 of TAPQ on the destination. */
export const incompatibilities = (
  source: QueueData,
  target: { readonly high: number; readonly low: number },
): string[] => {
  const name = apqnName(source.apqn);
  const lines: string[] = [];
  for (const [bit, what, verb] of EQUAL) {
    const [from, to] = [has(source.high, bit), has(target.high, bit)];
    if (from === to) continue;
    lines.push(`${what} ${from ? '' : 'not '}${verb} in source queue ${name}`);
    lines.push(`${what} ${to ? '' : 'not '}${verb} in target queue ${name}`);
  }
  const [fromType, toType] = [source.low >>> 24, target.low >>> 24];
  if (fromType > toType)
    lines.push(
      `AP type of source (${hex(fromType, 2)}) not compatible with target (${hex(toType, 2)})`,
    );
  const [fromBind, toBind] = [bindState(source.high), bindState(target.high)];
  if (fromBind !== 0 || toBind !== 0)
    lines.push(
      `Bind/associate state for source (${fromBind}) and target (${toBind}) queue ${name} must be 0`,
    );
  if (has(source.high, CLASS_BIT) && !has(target.high, CLASS_BIT)) {
    lines.push(`Full native card function available on source queue ${name}`);
    lines.push(`Only stateless functions available on target queue ${name}`);
  }
  if (lines.length > 0)
    lines.unshift(`Migration failed: Source and target queue (${name}) not compatible`);
  return lines;
};
