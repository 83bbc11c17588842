// SPDX-License-Identifier: Apache-2.0
// The model in place of a kernel: what it does is recorded as a kernel's behaviour is. Used to compare two profiles, and to test the
// comparison.
// Source: test/golden/README.md (format).
import { ueventText } from '../ap-bus/events.ts';
import type { MachineConfig } from '../config/types.ts';
import { observe } from '../sysfs/observe.ts';
import { isChange, type RecordedOperation } from '../sysfs/recorded-operation.ts';
import type { RecordedLine } from '../sysfs/recording.ts';
import { NS_PER_MS, NS_PER_US } from '../units.ts';
import { openGoldenHost, type ReplayHost, USUAL_BOOT_US } from './golden-host.ts';
import type { RecorderKernel, RecorderRun } from './run.ts';

/** Nanoseconds between two operations, as an agent under QEMU needs them. */
const BETWEEN_NS = NS_PER_MS;

export class ModelKernel implements RecorderKernel {
  readonly exact = true;
  readonly #config: MachineConfig;

  constructor(config: MachineConfig) {
    this.#config = config;
  }

  async close(): Promise<void> {}

  async run(operations: readonly RecordedOperation[], signal: AbortSignal): Promise<RecorderRun> {
    const host = await openGoldenHost(this.#config);
    try {
      const startNs = host.nowNs();
      host.takeUevents();
      const lines: RecordedLine[][] = [];
      for (const operation of operations) {
        if (signal.aborted) break;
        const atUs = Math.ceil((host.nowNs() - startNs) / NS_PER_US);
        host.advance(startNs + atUs * NS_PER_US - host.nowNs());
        lines.push(recordOne(host, operation, atUs));
        host.advance(BETWEEN_NS);
      }
      const release = this.#config.host.kernel;
      return { release, vfioAp: true, bootUs: USUAL_BOOT_US, lines };
    } finally {
      host.close();
    }
  }
}

function recordOne(host: ReplayHost, operation: RecordedOperation, atUs: number): RecordedLine[] {
  const lines: RecordedLine[] = [['time', atUs], ...observe(host, operation)];
  if (!isChange(operation)) return lines;
  host.advance(0);
  const events = host.takeUevents().map((event): RecordedLine => ['uevent', ueventText(event)]);
  return [...lines, ...events];
}
