// SPDX-License-Identifier: Apache-2.0
// A virtual mediated device: an mdev whose numbers are mapped. Its `matrix` holds the real numbers, its shadow stays empty: the guest's
// CRYCB never has a bit.
// Source: docs/reference/vfio-ap.md section 8.3 (V-01, V-13, V-15).

import type { Apqn } from '../../ap-bus/apqn.ts';
import { testBit } from '../../ap-bus/mask.ts';
import type { PqapHook } from '../../kvm/vm.ts';
import { type ApMatrix, emptyMatrix } from '../matrix.ts';
import { MatrixMdev } from '../mdev.ts';
import type { Choice } from './choice.ts';
import { emptyMap, realMask, type VirtualMap, virtualMask } from './map.ts';

/** The guest of a virtual mdev in the machine image. */
export interface AttachedGuest {
  /** Its number, from 1. */
  readonly guest: number;
  /** Its facility word while its AP instructions were interpreted. */
  readonly facilities: number;
}

/** What a virtual mdev has more than one that passes queues through; plain data. */
export interface VirtualState {
  readonly map: VirtualMap;
  readonly choice: Choice;
  readonly allowSecure: boolean;
  readonly attached: AttachedGuest | undefined;
}

export class VirtualMdev extends MatrixMdev implements PqapHook {
  readonly virtual = true;
  map: VirtualMap = emptyMap();
  /** How messages are spread (V-05). */
  choice: Choice = 'least';
  /** Messages with secure keys go through (V-12). */
  allowSecure = false;

  /** Set while the image has virtual queues of a guest for it. */
  attached: AttachedGuest | undefined;

  /** What `restore` takes back. */
  get state(): VirtualState {
    const { map, choice, allowSecure, attached } = this;
    return { map, choice, allowSecure, attached };
  }

  restore(state: VirtualState): void {
    this.take(state.map);
    this.choice = state.choice;
    this.allowSecure = state.allowSecure;
    this.attached = state.attached;
  }

  /** Takes a map, and the real numbers that follow from it. */
  take(map: VirtualMap): void {
    this.map = map;
    this.matrix.apm = realMask(map.adapter);
    this.matrix.aqm = realMask(map.domain);
  }

  /** Whether a real APQN stands behind some virtual one. */
  hasReal(apqn: Apqn): boolean {
    return testBit(this.matrix.apm, apqn >>> 8) && testBit(this.matrix.aqm, apqn & 0xff);
  }

  /** The virtual numbers, as `matrix` and `guest_matrix` show them. */
  get virtualMatrix(): ApMatrix {
    return {
      ...emptyMatrix(),
      apm: virtualMask(this.map.adapter),
      aqm: virtualMask(this.map.domain),
    };
  }
}
