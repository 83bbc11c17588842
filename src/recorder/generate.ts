// SPDX-License-Identifier: Apache-2.0
// Sequences of operations from a seed: changes of a few kinds, each followed by looks at what it may have changed.
// Source: test/golden/README.md; kinds that a sequence leaves out let the others go further (swarm testing, Groce et al. 2012).
import type { MachineConfig } from '../config/types.ts';
import { KINDS, type OperationKind } from '../host-operations/kinds.ts';
import { BUS, MATRIX, MDEV_TYPE, Scene, UUIDS } from '../host-operations/scene.ts';
import { Random, type Weighted } from '../lpar/random.ts';
import type { GoldenPartition, RecordedOperation } from '../sysfs/recorded-operation.ts';

/** An operation, and the kind it was made for; `state`: a look at what the others have changed. */
export interface RecorderStep {
  readonly kind: string;
  readonly operation: RecordedOperation;
}

export interface GenerateOptions {
  readonly seed: number;
  /** Operations, not counting the looks after each. */
  readonly operations: number;
  /** Names of the kinds; default: all with a weight, of which a sequence leaves some out. */
  readonly kinds?: readonly string[] | undefined;
}

/** Percentage of kinds that a sequence leaves out, of those that were not asked for. */
const LEFT_OUT_PERCENT = 35;
/** Weight of a kind that comes only where it is asked for. */
const ASKED_WEIGHT = 10;

const FIRST_MASKS = ['-0-255\n', '-5,-6\n', '+0\n'];

function chosen({ kinds }: GenerateOptions, random: Random): Weighted<OperationKind> {
  if (kinds !== undefined)
    return KINDS.filter(({ name }) => kinds.includes(name)).map((kind) => [
      kind.weight || ASKED_WEIGHT,
      kind,
    ]);
  const [first, ...others] = KINDS.filter(({ weight }) => weight > 0);
  const rest = random.some(others, 100 - LEFT_OUT_PERCENT);
  return [first, ...rest].flatMap((kind) => (kind === undefined ? [] : [[kind.weight, kind]]));
}

const QUEUE_FILES = ['online', 'config', 'chkstop', 'states', 'interrupt'];

/** What is looked at after each operation, and how often, in percent. */
const LOOKS: readonly (readonly [number, (scene: Scene) => readonly RecordedOperation[]])[] = [
  [100, () => readsOf(['matrix', 'guest_matrix'])],
  [17, () => readsOf(['control_domains', 'ap_config'])],
  [
    20,
    () => [
      ['read', `${BUS}/apmask`],
      ['read', `${BUS}/aqmask`],
      ['read', `${MDEV_TYPE}/available_instances`],
      ['read', `${BUS}/bindings`],
    ],
  ],
  [
    20,
    (scene) =>
      scene.queues().flatMap((queue): RecordedOperation[] => [
        ['link', `${queue}/driver`],
        ['read', `${queue}/status`],
      ]),
  ],
  [
    17,
    (scene) =>
      scene
        .queues()
        .flatMap((queue) =>
          QUEUE_FILES.map((file): RecordedOperation => ['read', `${queue}/${file}`]),
        ),
  ],
  [
    6,
    (scene) =>
      scene.queues().map((queue): RecordedOperation => ['read', `${queue}/driver_override`]),
  ],
];

const readsOf = (files: readonly string[]): RecordedOperation[] =>
  UUIDS.flatMap((uuid) =>
    files.map((file): RecordedOperation => ['read', `${MATRIX}/${uuid}/${file}`]),
  );

/** Reads everything that can be read. */
const ending = (scene: Scene): RecordedOperation[] => {
  const devices = [
    ...scene.adapters.map((adapter) => scene.device(scene.card(adapter))),
    ...scene.queues(),
  ];
  const folders = [...devices, ...UUIDS.map((uuid) => `${MATRIX}/${uuid}`), BUS];
  const lists = [BUS, MATRIX, MDEV_TYPE, `${BUS}/devices`, `${BUS}/drivers/vfio_ap`];
  return [
    ...folders.map((path): RecordedOperation => ['files', path]),
    ...lists.map((path): RecordedOperation => ['list', path]),
  ];
};

const partitionOf = ({ machine }: MachineConfig): GoldenPartition => ({
  adapters: [...machine.adapters.keys()],
  usageDomains: [...machine.usageDomains],
  controlDomains: [...machine.controlDomains],
});

/** A sequence for a partition. The same options make the same one. */
export function generateSteps(options: GenerateOptions, config: MachineConfig): RecorderStep[] {
  const random = new Random(options.seed);
  const scene = new Scene(random, partitionOf(config));
  const kinds = chosen(options, random);
  const steps: RecorderStep[] = [];
  const add = (kind: string, operations: readonly RecordedOperation[]): void => {
    for (const operation of operations) steps.push({ kind, operation });
  };
  if (random.chance(80)) add('masks', [['write', `${BUS}/apmask`, random.pick(FIRST_MASKS)]]);
  for (const uuid of UUIDS.slice(0, 2))
    add('life', [['write', `${MDEV_TYPE}/create`, `${uuid}\n`]]);
  for (let left = options.operations; left > 0; left--) {
    const { name, make } = random.weighted(kinds);
    add(name, make(scene));
    for (const [percent, look] of LOOKS) if (random.chance(percent)) add('state', look(scene));
  }
  add('state', ending(scene));
  return steps;
}
