// SPDX-License-Identifier: Apache-2.0
// A fault that was declared, as who declared it holds it: how often it struck, whether it still can, and the way to take it back.
// Source: docs/design.md section 5 (`faults`).

/** What handles need of the table of faults. */
export interface FaultTable {
  /** Strikes of the records that belong to a handle. */
  firedOf(fault: DeclaredFault): number;
  isActive(fault: DeclaredFault): boolean;
  end(fault: DeclaredFault): void;
}

export class DeclaredFault {
  /** As a line of an AP program: `05.0004 on=tapq rc=04 count=2`. */
  readonly text: string;
  /** Strikes of records that are not in the table any more. */
  settled = 0;
  readonly #table: FaultTable;

  constructor(text: string, table: FaultTable) {
    this.text = text;
    this.#table = table;
  }

  /** How often it has struck. */
  get fired(): number {
    return this.settled + this.#table.firedOf(this);
  }

  /** Whether it can still strike. */
  get active(): boolean {
    return this.#table.isActive(this);
  }

  /** Takes it back; a second time does nothing. */
  clear(): void {
    this.#table.end(this);
  }
}
