// SPDX-License-Identifier: Apache-2.0
// The handle of a fault that was declared: tells how often it has struck and whether it still can, and takes it back.
// Source: docs/design.md section 5 (`faults`).

/** The part of the table of faults that handles need. */
export interface FaultTable {
  /** How often the records of a handle have struck. */
  firedOf(fault: DeclaredFault): number;
  isActive(fault: DeclaredFault): boolean;
  end(fault: DeclaredFault): void;
}

export class DeclaredFault {
  /** The fault as a line of an AP program: `05.0004 on=tapq rc=04 count=2`. */
  readonly text: string;
  /** How often those of its records have struck that are not in the table any more. */
  settled = 0;
  readonly #table: FaultTable;

  constructor(text: string, table: FaultTable) {
    this.text = text;
    this.#table = table;
  }

  /** How often the fault has struck. */
  get fired(): number {
    return this.settled + this.#table.firedOf(this);
  }

  /** Whether the fault can still strike. */
  get active(): boolean {
    return this.#table.isActive(this);
  }

  /** Takes the fault back. A second call does nothing. */
  clear(): void {
    this.#table.end(this);
  }
}
