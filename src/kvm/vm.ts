// SPDX-License-Identifier: Apache-2.0
// What KVM offers to a device that passes AP queues through: crypto masks and the PQAP hook slot.
// Source: docs/reference/ap-architecture.md sections 3.3, 6.4 and 6.5 (Linux arch/s390/kvm: kvm-s390.c, priv.c).

/** Holder of a VM's one hook. Holders are compared by identity; `number` is the mdev's number in the machine image. */
export interface PqapHook {
  readonly number: number;
  /** Whether it is the hook of a virtual mdev, which is called for every AP instruction. */
  readonly virtual?: boolean;
}

/** One virtual machine as vfio_ap sees it. */
export interface KvmVm {
  readonly name: string;
  /** Crypto control block designation. 0 means that the VM has none, and nothing may be passed through. */
  readonly crycbd: number;
  /** Reads the hook (kvm->arch.crypto.pqap_hook). Reading and writing take the hook's own lock. */
  getPqapHook(): PqapHook | null;
  setPqapHook(hook: PqapHook | null): void;
  /**
   * kvm_arch_crypto_set_masks: takes all vCPUs out of interpretive execution, writes the masks and lets the vCPUs in again. Each mask has
   * 32 bytes, bit 0 leftmost.
   */
  setCryptoMasks(apm: Uint8Array, aqm: Uint8Array, adm: Uint8Array): void;
  /** kvm_arch_crypto_clear_masks. */
  clearCryptoMasks(): void;
}
