// SPDX-License-Identifier: Apache-2.0
// A shell over a small machine, with a disk in memory: scripts in, output and status out.
import { afterAll, beforeAll } from 'vitest';
import { parseConfig } from '../../src/config/load.ts';
import { Machine } from '../../src/host/machine/machine.ts';
import type { ShellOptions } from '../../src/shell/context.ts';
import { MemoryDisk } from '../../src/shell/memory-disk.ts';
import { Shell } from '../../src/shell/shell.ts';

/** The two guests of the documentation on loopback adapters, so that nothing has to be computed. */
export const CONFIG = `
apemu: 1
machine:
  profile: z16
  adapters:
    5: { type: CEX8, mode: cca }
    6: { type: CEX8, mode: accelerator }
  usageDomains: [4, 0x47, 0xab, 0xff]
  controlDomains: [4, 0x47]
guests:
  Guest1:
    memory: 1MiB
    mdev: { adapters: [5, 6], domains: [4, 0xab] }
    program: ap-bus
    workload: { name: mixed, messages: 2 }
  Guest2:
    memory: 1MiB
    mdev: { adapters: [5], domains: [0x47, 0xff] }
    program: ap-bus
    workload: { name: mixed, messages: 2 }
`;

/** What a shell has for a disk, with a look into its files. */
export class TestDisk extends MemoryDisk {
  text(path: string): string {
    const read = this.read(path);
    return read.ok ? new TextDecoder().decode(read.bytes) : '';
  }
}

export interface Ran {
  readonly out: string;
  readonly err: string;
  readonly status: number;
}

/** A shell whose output a test can look at. */
export class TestShell {
  readonly shell: Shell;
  readonly disk = new TestDisk();
  #out = '';
  #err = '';

  constructor(machine: Machine, options: Partial<ShellOptions> = {}) {
    this.shell = new Shell(machine, {
      out: (text) => {
        this.#out += text;
      },
      err: (text) => {
        this.#err += text;
      },
      disk: this.disk,
      directory: '/tmp',
      ...options,
    });
  }

  async run(script: string): Promise<Ran> {
    this.#out = '';
    this.#err = '';
    const status = await this.shell.run(script);
    return { out: this.#out, err: this.#err, status };
  }

  /** Standard output of a script that must not fail. */
  async out(script: string): Promise<string> {
    const { out, err, status } = await this.run(script);
    if (status !== 0 || err !== '') throw new Error(`${script}: status ${status}, ${err}`);
    return out;
  }
}

export interface Setting {
  readonly bare?: boolean;
  readonly config?: string;
  readonly options?: Partial<ShellOptions>;
}

/** A fresh machine with a shell; `use` gets it, and the machine ends after it. */
export async function withShell<T>(
  use: (shell: TestShell) => Promise<T>,
  { bare = false, config = CONFIG, options = {} }: Setting = {},
): Promise<T> {
  const machine = await Machine.create(parseConfig(config, 'test.yaml').config, { bare });
  const test = new TestShell(machine, options);
  try {
    return await use(test);
  } finally {
    test.shell.close();
  }
}

/** Scripts of a test file that leave the machine alone, each in a shell of its own. */
export function sharedMachine(): {
  sh(script: string, options?: Partial<ShellOptions>): Promise<Ran>;
} {
  let machine: Machine | undefined;
  beforeAll(async () => {
    machine = await Machine.create(parseConfig(CONFIG, 'test.yaml').config);
  });
  afterAll(() => machine?.close());
  return { sh: (script, options) => new TestShell(machine as Machine, options).run(script) };
}

/** One script on a fresh machine. */
export const sh = (script: string, setting: Setting = {}): Promise<Ran> =>
  withShell((shell) => shell.run(script), setting);
