// SPDX-License-Identifier: Apache-2.0
// The file of `--trace`: a line for each AP instruction, text, or JSON where the name ends in .jsonl.
import { closeSync, openSync, writeSync } from 'node:fs';
import { ApemuError } from '../errors.ts';
import { recordJson, recordText, type TraceRecord } from '../trace/record.ts';
import type { TakeTrace } from '../trace/ring.ts';
import type { CommandIo } from './io.ts';

export class TraceFile {
  readonly #name: string;
  readonly #file: number;
  readonly #line: (record: TraceRecord) => string;
  #written = 0;
  #lost = 0;

  /** @throws ApemuError APEMU_ERR_USAGE_TRACE if the file cannot be written */
  constructor(name: string) {
    this.#name = name;
    this.#line = name.endsWith('.jsonl') ? recordJson : recordText;
    try {
      this.#file = openSync(name, 'w');
    } catch (cause) {
      const errno = (cause as NodeJS.ErrnoException).code ?? 'unknown';
      const message = `cannot write the trace ${name}: ${errno}`;
      throw new ApemuError('APEMU_ERR_USAGE_TRACE', message, { errno, cause });
    }
  }

  /** Adds records. */
  write: TakeTrace = (records, lost) => {
    writeSync(this.#file, records.map(this.#line).join(''));
    this.#written += records.length;
    this.#lost = lost;
  };

  /** Closes the file and says what is in it. */
  close(io: CommandIo): void {
    closeSync(this.#file);
    const missing = this.#lost === 0 ? '' : `; ${this.#lost} more came too fast to be written`;
    io.err(`trace: ${this.#written} instructions in ${this.#name}${missing}\n`);
  }
}
