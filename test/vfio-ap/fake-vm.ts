// SPDX-License-Identifier: Apache-2.0
// A virtual machine for tests: remembers its masks and its hook, and counts writes.
import type { KvmVm, PqapHook } from '../../src/kvm/vm.ts';

const bits = (bytes: Uint8Array): number[] =>
  Array.from({ length: 256 }, (_, n) => n).filter((n) => (bytes[n >> 3] & (0x80 >> (n & 7))) !== 0);

export class FakeVm implements KvmVm {
  readonly name: string;
  readonly crycbd: number;
  hook: PqapHook | null = null;
  apm: number[] = [];
  aqm: number[] = [];
  adm: number[] = [];
  /** What happened, in order. */
  readonly calls: string[] = [];

  constructor(name: string, crycbd = 0x10002) {
    this.name = name;
    this.crycbd = crycbd;
  }

  getPqapHook(): PqapHook | null {
    return this.hook;
  }

  setPqapHook(hook: PqapHook | null): void {
    this.calls.push(hook === null ? 'hook=null' : `hook=${hook.number}`);
    this.hook = hook;
  }

  setCryptoMasks(apm: Uint8Array, aqm: Uint8Array, adm: Uint8Array): void {
    this.calls.push('set');
    this.apm = bits(apm);
    this.aqm = bits(aqm);
    this.adm = bits(adm);
  }

  clearCryptoMasks(): void {
    this.calls.push('clear');
    this.apm = [];
    this.aqm = [];
    this.adm = [];
  }

  /** APQNs the guest can reach. */
  apqns(): number[] {
    return this.apm.flatMap((a) => this.aqm.map((d) => (a << 8) | d));
  }
}
