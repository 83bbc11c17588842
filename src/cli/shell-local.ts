// SPDX-License-Identifier: Apache-2.0
// A shell in this process, for a person who types.

import type { Machine } from '../host/machine/machine.ts';
import type { Completion } from '../shell/complete.ts';
import type { ShellOptions } from '../shell/context.ts';
import { Shell } from '../shell/shell.ts';
import type { TerminalShell } from './shell-terminal.ts';

export class LocalShell implements TerminalShell {
  readonly #shell: Shell;
  #stop = false;

  constructor(machine: Machine, options: ShellOptions) {
    this.#shell = new Shell(machine, {
      ...options,
      interactive: true,
      directory: '/sys',
      interrupted: () => this.#stop || options.interrupted?.() === true,
    });
  }

  run(text: string): Promise<number> {
    this.#stop = false;
    return this.#shell.run(text);
  }

  isIncomplete(text: string): boolean {
    return this.#shell.isIncomplete(text);
  }

  complete(line: string): Completion {
    return this.#shell.complete(line);
  }

  interrupt(): void {
    this.#stop = true;
  }

  get directory(): string {
    return this.#shell.context.files.directory;
  }

  get ended(): boolean {
    return this.#shell.ended;
  }

  get status(): number {
    return this.#shell.context.exitStatus ?? this.#shell.context.status;
  }

  close(): void {
    this.#shell.close();
  }
}
