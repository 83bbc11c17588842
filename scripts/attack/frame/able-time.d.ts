// SPDX-License-Identifier: Apache-2.0
/** Adds up how long a process could have done something. Looks must be some milliseconds apart. */
export class AbleTime {
  ms: number;
  constructor(pid: number, counted?: 'alone' | 'descendants' | 'group');
  look(): number;
}
