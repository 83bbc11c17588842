// SPDX-License-Identifier: Apache-2.0
// What `lpar:` lines do to the real partition.
// Source: docs/design.md section 6; ap-architecture.md section 2.4, AD-20a, AD-36; docs/reference/vfio-ap.md section 3.3 (SCLP).

import { ApemuError } from '../errors.ts';
import { adapterProfile } from '../host/machine/compose.ts';
import type { PartitionMachine } from '../host/machine/partition-machine.ts';
import type { LparVerb } from './lpar-verbs.ts';
import type { OperationOutcome } from './program-machine.ts';

type Act = (operator: Operator, values: readonly number[]) => void;

/** The action for each verb of src/program/lpar-verbs.ts. */
const ACTS: Readonly<Record<LparVerb, Act>> = {
  configure: ({ partition }, [apid]) => partition.configure(apid),
  deconfigure: ({ partition }, [apid]) => partition.deconfigure(apid),
  checkstop: ({ partition }, [apid]) => partition.checkstop(apid),
  recover: ({ partition }, [apid]) => partition.recover(apid),
  'add-adapter': (operator, [apid]) => operator.addAdapter(apid),
  'remove-adapter': ({ partition }, [apid]) => partition.removeAdapter(apid),
  'add-domain': ({ partition }, [apqi]) => partition.addUsageDomain(apqi),
  'remove-domain': ({ partition }, [apqi]) => partition.removeUsageDomain(apqi),
  'add-control-domain': ({ partition }, [apqi]) => partition.addControlDomain(apqi),
  'remove-control-domain': ({ partition }, [apqi]) => partition.removeControlDomain(apqi),
  busy: ({ machine }, [apqn, ns]) => machine.setBusy(apqn, ns),
  async: (operator, [apqn, rc]) => operator.asyncError(apqn, rc),
};

/** Verbs after which queues have come or gone, so that faults must find them again. */
const MOVES_QUEUES: ReadonlySet<LparVerb> = new Set(['add-adapter', 'add-domain']);

export class Operator {
  readonly machine: PartitionMachine;

  constructor(machine: PartitionMachine) {
    this.machine = machine;
  }

  get partition(): PartitionMachine['partition'] {
    return this.machine.partition;
  }

  /** ENODEV where the partition has no such adapter or queue, EEXIST where it has it already. */
  act(verb: LparVerb, values: readonly number[]): OperationOutcome {
    try {
      ACTS[verb](this, values);
    } catch (error) {
      if (!(error instanceof ApemuError) || !error.code.startsWith('APEMU_ERR_LPAR_')) throw error;
      return { kind: 'errno', name: error.errno ?? 'ENODEV' };
    }
    if (MOVES_QUEUES.has(verb)) this.machine.faults.refresh();
    return { kind: 'ok', text: '' };
  }

  /** Puts an adapter of the configuration back. */
  addAdapter(apid: number): void {
    const adapter = this.machine.config.machine.adapters.get(apid);
    const there = this.partition.adapters.has(apid);
    if (adapter === undefined || there) {
      const message = `adapter ${apid} ${there ? 'is there already' : 'is not in the configuration'}`;
      throw new ApemuError('APEMU_ERR_LPAR_ADAPTER', message, {
        errno: there ? 'EEXIST' : 'ENODEV',
      });
    }
    this.partition.addAdapter(adapterProfile(adapter));
  }

  asyncError(apqn: number, rc: number): void {
    this.machine.kernel.raiseAsyncError(this.partition.queue(apqn), rc);
  }
}
