// SPDX-License-Identifier: Apache-2.0
// A virtual mediated device: an mdev whose numbers are mapped. Its `matrix` has the real numbers; its shadow stays empty, because the
// guest's CRYCB never has a bit on.
// Source: docs/reference/vfio-ap.md section 8.3 (V-01, V-13, V-15).

import type { Apqn } from '../../ap-bus/apqn.ts';
import { testBit } from '../../ap-bus/mask.ts';
import type { PqapHook } from '../../kvm/vm.ts';
import { type ApMatrix, emptyMatrix } from '../matrix.ts';
import { MatrixMdev } from '../mdev.ts';
import type { Choice } from './choice.ts';
import { emptyMap, realMask, type VirtualMap, virtualMask } from './map.ts';

/** The guest that a virtual mdev is attached to, in the machine image. */
export interface AttachedGuest {
  /** Its number, at least 1. */
  readonly guest: number;
  /** Its facility word from the time when its AP instructions were interpreted, to be restored by a detach. */
  readonly facilities: number;
}

/** What a virtual mdev has in addition to a passthrough mdev. It is plain data. */
export interface VirtualState {
  readonly map: VirtualMap;
  readonly choice: Choice;
  readonly allowSecure: boolean;
  readonly attached: AttachedGuest | undefined;
}

export class VirtualMdev extends MatrixMdev implements PqapHook {
  readonly virtual = true;
  map: VirtualMap = emptyMap();
  /** How real queues are chosen for messages (V-05). */
  choice: Choice = 'least';
  /** Whether messages with secure keys are let through (V-12). */
  allowSecure = false;

  /** Set while the image has virtual queues for it. */
  attached: AttachedGuest | undefined;

  /** The state that `restore` accepts. */
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

  /** Sets the map, and the matrix of real numbers that follows from it. */
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
