// SPDX-License-Identifier: Apache-2.0
// Section 7.3: mdevctl and ap-check over the tree.
import { describe, expect, it } from 'vitest';
import { andNot, fullMask, maskOf } from '../../src/ap-bus/mask.ts';
import { apCheck, type PersistentState } from '../../src/sysfs/ap-check.ts';
import { mdevctl } from '../../src/sysfs/mdevctl.ts';
import { FakeVm } from '../vfio-ap/fake-vm.ts';
import { BUS, MATRIX, TypedHost, UUID1, UUID2 } from '../vfio-ap/typed.ts';

const TYPE = ['-p', 'matrix', '-t', 'vfio_ap-passthrough'];

class Shell extends TypedHost {
  readonly state: PersistentState = {
    definitions: new Map(),
    apmask: andNot(fullMask(), maskOf([5, 6])),
  };

  /** `mdevctl …`: standard output, or the message if the status is not 0. */
  mdevctl(line: string, stdin = ''): string {
    const context = { sysfs: this.host.sysfs, state: this.state, stdin, newUuid: () => UUID2 };
    const result = this.timers.run(
      mdevctl(
        context,
        line.split(' ').filter((word) => word !== ''),
      ),
    );
    return result.status === 0 ? result.stdout : `${result.status}: ${result.stderr}`;
  }
}

function shell(options = {}): Shell {
  const host = new Shell(options);
  host.echo('-5,-6', `${BUS}/apmask`);
  return host;
}

const defined = (): Shell => {
  const host = shell();
  host.mdevctl(`define -u ${UUID1} ${TYPE.join(' ')}`);
  host.mdevctl(`modify -u ${UUID1} --addattr=assign_adapter --value=5`);
  host.mdevctl(`modify -u ${UUID1} --addattr=assign_domain --value=4`);
  return host;
};

describe('mdevctl', () => {
  it('types lists the one type', () => {
    expect(shell().mdevctl('types')).toBe(
      'matrix\n  vfio_ap-passthrough\n    Available instances: 65536\n    Device API: vfio-ap\n    Name: VFIO AP Passthrough Device\n',
    );
    expect(JSON.parse(shell().mdevctl('types --dumpjson'))).toEqual([
      {
        matrix: [
          {
            'vfio_ap-passthrough': {
              available_instances: 65536,
              device_api: 'vfio-ap',
              name: 'VFIO AP Passthrough Device',
            },
          },
        ],
      },
    ]);
  });

  it('defines, starts, lists, stops and undefines', () => {
    const host = defined();
    expect(host.mdevctl('list')).toBe('');
    expect(host.mdevctl('list -d')).toBe(`${UUID1} matrix vfio_ap-passthrough manual\n`);
    expect(host.mdevctl(`start -u ${UUID1}`)).toBe('');
    expect(host.cat(`${MATRIX}/${UUID1}/matrix`)).toBe('05.0004\n');
    expect(host.mdevctl('list')).toBe(`${UUID1} matrix vfio_ap-passthrough (defined)\n`);
    expect(host.mdevctl('list -d -v')).toBe(
      `${UUID1} matrix vfio_ap-passthrough manual (active)\n  Attrs:\n    @{0}: {"assign_adapter":"5"}\n    @{1}: {"assign_domain":"4"}\n`,
    );
    expect(JSON.parse(host.mdevctl(`list -d -u ${UUID1} --dumpjson`))).toEqual([
      {
        matrix: [
          {
            [UUID1]: {
              mdev_type: 'vfio_ap-passthrough',
              start: 'manual',
              attrs: [{ assign_adapter: '5' }, { assign_domain: '4' }],
            },
          },
        ],
      },
    ]);
    expect(host.mdevctl(`stop -u ${UUID1}`)).toBe('');
    expect(host.mdevctl(`undefine -u ${UUID1}`)).toBe('');
    expect(host.mdevctl('list -d')).toBe('');
  });

  it('starts without a definition, and defines what runs', () => {
    const host = shell();
    expect(host.mdevctl(`start ${TYPE.join(' ')}`)).toBe(`${UUID2}\n`);
    host.setUp(UUID2, { assign_adapter: [6], assign_domain: [0x47] });
    expect(host.mdevctl(`define -u ${UUID2}`)).toBe('');
    expect(host.state.definitions.get(UUID2)?.attrs).toEqual([
      { assign_adapter: '6' },
      { assign_domain: '71' },
    ]);
  });

  it('takes JSON on standard input', () => {
    const host = shell();
    const json = JSON.stringify({
      mdev_type: 'vfio_ap-passthrough',
      start: 'auto',
      attrs: [{ assign_adapter: '0x6' }, { assign_domain: '0xab' }],
    });
    expect(host.mdevctl(`define -u ${UUID1} --jsonfile -`, json)).toBe('');
    expect(host.mdevctl('list -d')).toBe(`${UUID1} matrix vfio_ap-passthrough auto\n`);
    expect(host.mdevctl(`start -u ${UUID1}`)).toBe('');
    expect(host.cat(`${MATRIX}/${UUID1}/matrix`)).toBe('06.00ab\n');
  });

  it('changes a running device by one write of ap_config', () => {
    const host = defined();
    host.mdevctl(`start -u ${UUID1}`);
    const vm = new FakeVm('Guest1');
    host.start(vm);
    expect(host.mdevctl(`modify -u ${UUID1} --addattr=assign_domain --value=71 --live`)).toBe('');
    expect(vm.apqns()).toEqual([0x0504, 0x0547]);
    const json = JSON.stringify({ mdev_type: 'vfio_ap-passthrough', attrs: [] });
    expect(host.mdevctl(`modify -u ${UUID1} --jsonfile - --live`, json)).toBe('');
    expect(vm.apqns()).toEqual([]);
  });

  it('takes an attribute away by its index', () => {
    const host = defined();
    expect(host.mdevctl(`modify -u ${UUID1} --delattr --index=0`)).toBe('');
    expect(host.state.definitions.get(UUID1)?.attrs).toEqual([{ assign_domain: '4' }]);
    expect(host.mdevctl(`modify -u ${UUID1} --delattr --index=7`)).toBe(
      '1: Attribute index is invalid\n',
    );
    expect(host.mdevctl(`modify -u ${UUID1} --auto`)).toBe('');
    expect(host.mdevctl('list -d')).toBe(`${UUID1} matrix vfio_ap-passthrough auto\n`);
  });

  it('takes a device back whose attribute fails', () => {
    const host = shell({ profile: 'linux-6.1' });
    const attrs = [{ assign_adapter: '5' }, { ap_config: '0x,0x,0x' }];
    host.state.definitions.set(UUID1, { mdev_type: 'vfio_ap-passthrough', start: 'manual', attrs });
    expect(host.mdevctl(`start -u ${UUID1}`)).toMatch(/^1: /);
    expect(host.host.sysfs.exists(`${MATRIX}/${UUID1}`)).toBe(false);
  });

  it.each<[string, string]>([
    [`define -u ${UUID1} ${TYPE.join(' ')}`, 'Config already exists'],
    [`define -u ${UUID2} -p pci -t vfio_ap-passthrough`, 'Invalid parent specified'],
    [`define -u ${UUID2}`, 'No type specified'],
    [`undefine -u ${UUID2}`, "Config doesn't exist"],
    [`modify -u ${UUID2} --auto`, "Config doesn't exist"],
    [`stop -u ${UUID1}`, 'Device is not an active mdev'],
    [`start -u ${UUID2}`, `Config for ${UUID2} does not exist`],
    [`define -u ${UUID2} --jsonfile nowhere`, 'Unable to open file nowhere'],
  ])('%s ends with status 1: %s', (line, text) => {
    expect(defined().mdevctl(line)).toBe(`1: ${text}\n`);
  });

  it.each<[string, string]>([
    [`define -u nonsense ${TYPE.join(' ')}`, 'Invalid UUID specified'],
    ['frobnicate', "error: unrecognized subcommand 'frobnicate'"],
    ['-v', "error: unexpected argument '-v' found"],
    ['list --what', "error: unexpected argument '--what' found"],
    ['list -u', "error: a value is required for '-u'"],
  ])(
    '%s is not understood and ends with status 2, as of every program with clap: %s',
    (line, text) => {
      expect(defined().mdevctl(line)).toBe(`2: ${text}\n`);
    },
  );
});

describe('ap-check', () => {
  const attrs = [{ assign_adapter: '5' }, { assign_domain: '4' }];

  it.each<[string, (host: Shell) => string, string]>([
    [
      'an APQN in use',
      (h) => {
        h.setUp(UUID2, { assign_adapter: [5], assign_domain: [4] });
        return h.mdevctl(`start -u ${UUID1}`);
      },
      `APQN 5.4 already in use by ${UUID2}`,
    ],
    [
      'an APQN of the host',
      (h) => {
        h.echo('+5', `${BUS}/apmask`);
        return h.mdevctl(`start -u ${UUID1}`);
      },
      'APQN 5.4 is not allowed for vfio_ap-passthrough use by the active ap bus mask settings',
    ],
    [
      'an APQN defined for autostart elsewhere',
      (h) => {
        h.state.definitions.set(UUID2, { mdev_type: 'vfio_ap-passthrough', start: 'auto', attrs });
        return h.mdevctl(`modify -u ${UUID1} --auto`);
      },
      `APQN 5.4 is defined for autostart by ${UUID2}`,
    ],
    [
      'an APQN the persistent masks keep for the host',
      (h) => {
        delete h.state.apmask;
        return h.mdevctl(`modify -u ${UUID1} --auto`);
      },
      'APQN 5.4 is not defined for vfio_ap-passthrough use by the persistent ap bus mask settings',
    ],
  ])('refuses %s', (_, act, text) => {
    expect(act(defined())).toBe(`1: ${text}\n`);
  });

  it('refuses to start control domains without a usage domain, and names every APQN in conflict', () => {
    const host = shell();
    host.mdevctl(`define -u ${UUID1} --type vfio_ap-passthrough`);
    host.mdevctl(`modify -u ${UUID1} --addattr=assign_control_domain --value=4`);
    expect(host.mdevctl(`start -u ${UUID1}`)).toBe(
      '1: At least one usage domain must be specified\n',
    );
    const masks = 'is not allowed for vfio_ap-passthrough use by the active ap bus mask settings';
    for (const [name, value] of [
      ['adapter', 5],
      ['domain', 4],
      ['domain', 71],
    ] as const)
      host.mdevctl(`modify -u ${UUID1} --addattr=assign_${name} --value=${value}`);
    host.echo('+5', `${BUS}/apmask`);
    expect(host.mdevctl(`start -u ${UUID1}`)).toBe(`1: APQN 5.4 ${masks}\nAPQN 5.71 ${masks}\n`);
  });

  it('refuses a live change where ap_config is not there', () => {
    const host = shell({ profile: 'linux-6.1' });
    host.setUp(UUID1, {});
    expect(host.mdevctl(`modify -u ${UUID1} --addattr=assign_domain --value=4 --live`)).toMatch(
      /^1: /,
    );
  });

  it('answers get attributes and get capabilities, and 2 for another type', () => {
    const host = shell();
    host.setUp(UUID1, { assign_adapter: [5], assign_control_domain: [4] });
    const ask = (action: 'attributes' | 'capabilities', type = 'vfio_ap-passthrough') => {
      const call = { event: 'get', action, uuid: UUID1, parent: 'matrix', type } as const;
      return host.timers.run(apCheck(host.host.sysfs, host.state, call));
    };
    expect(JSON.parse(ask('attributes').stdout)).toEqual([
      { assign_adapter: '5' },
      { assign_control_domain: '4' },
    ]);
    expect(JSON.parse(ask('capabilities').stdout).provides.version).toBe(2);
    expect(ask('attributes', 'i915').status).toBe(2);
  });
});
