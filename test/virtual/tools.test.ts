// SPDX-License-Identifier: Apache-2.0
// What user tools say of virtual mdevs and of the queues behind them: mdevctl with ap-check, chzdev, lszcrypt, the shell.
// Source: docs/reference/vfio-ap.md sections 7.3, 7.4 and 8.3.
import { describe, expect, it } from 'vitest';
import { TestShell } from '../shell/support.ts';
import { CARDS, mismatches, SHARED, UUIDS, withMachine } from './machines.ts';

const [FIRST, SECOND, THIRD] = UUIDS as [string, string, string];
const MIXED = `${CARDS}
host: { apmask: "-3,-5,-6", kernel: mixed }
guests:
  A: { memory: 128KiB }
`;
const VIRTUAL = '-p matrix -t vfio_ap-virtual';

/** What commands print, messages included, one after the other in one shell. */
const typed = async (config: string, ...lines: readonly string[]): Promise<string[]> => {
  const outputs: string[] = [];
  await withMachine(config, async (machine) => {
    const shell = new TestShell(machine);
    for (const line of lines) {
      const { out, err } = await shell.run(line);
      outputs.push(out + err);
    }
  });
  return outputs;
};

describe('mdevctl', () => {
  it('types lists both types', async () => {
    const [text] = await typed(MIXED, 'mdevctl types');
    expect(text).toContain('  vfio_ap-passthrough\n');
    expect(text).toContain(
      '  vfio_ap-virtual\n    Available instances: 65536\n    Device API: vfio-ap\n    Name: VFIO AP Virtual Device\n',
    );
  });

  it('defines, starts, lists and stops a virtual mdev with its mapping and settings', async () => {
    const outputs = await typed(
      MIXED,
      `mdevctl define -u ${FIRST} ${VIRTUAL}`,
      `mdevctl modify -u ${FIRST} --addattr=assign_adapter --value=4:3,5`,
      `mdevctl modify -u ${FIRST} --addattr=assign_domain --value=0:4,0x47`,
      `mdevctl modify -u ${FIRST} --addattr=choice --value=sticky`,
      `mdevctl start -u ${FIRST}`,
      'mdevctl list',
      `cat /sys/devices/vfio_ap/matrix/${FIRST}/map`,
      `mdevctl list --dumpjson`,
      `mdevctl stop -u ${FIRST}`,
      'mdevctl list',
    );
    expect(outputs.slice(0, 7)).toEqual([
      '',
      '',
      '',
      '',
      '',
      `${FIRST} matrix vfio_ap-virtual (defined)\n`,
      '04.0000: 03.0004 03.0047 05.0004 05.0047\n',
    ]);
    expect(JSON.parse(outputs[7])[0].matrix[0][FIRST]).toEqual({
      mdev_type: 'vfio_ap-virtual',
      start: 'manual',
      attrs: [{ assign_adapter: '4:3,5' }, { assign_domain: '0:4,71' }, { choice: 'sticky' }],
    });
    expect(outputs.slice(8)).toEqual(['', '']);
  });

  it('lets virtual mdevs share, and keeps passthrough ones and the host’s queues apart', async () => {
    const define = (uuid: string, type: string, adapter: string, domain: string): string[] => [
      `mdevctl define -u ${uuid} -p matrix -t ${type}`,
      `mdevctl modify -u ${uuid} --addattr=assign_adapter --value=${adapter}`,
      `mdevctl modify -u ${uuid} --addattr=assign_domain --value=${domain}`,
    ];
    const outputs = await typed(
      MIXED,
      ...define(FIRST, 'vfio_ap-virtual', '4:3', '0:4'),
      ...define(SECOND, 'vfio_ap-virtual', '9:3', '9:4'),
      ...define(THIRD, 'vfio_ap-passthrough', '3', '4'),
      `mdevctl start -u ${FIRST}`,
      `mdevctl start -u ${SECOND}`,
      `mdevctl start -u ${THIRD}`,
      `mdevctl modify -u ${SECOND} --addattr=assign_adapter --value=16`,
      `mdevctl modify -u ${SECOND} --addattr=assign_adapter --value=9:16`,
      `mdevctl stop -u ${SECOND}`,
      `mdevctl start -u ${SECOND}`,
    );
    expect(outputs.slice(9, 11)).toEqual(['', '']);
    expect(outputs[11]).toContain(`APQN 3.4 already in use by ${FIRST}`);
    expect(outputs[12]).toContain('expected VIRTUAL:REAL');
    expect(outputs[15]).toContain('APQN 16.4 is not allowed for vfio_ap-virtual use');
  });
});

describe('chzdev', () => {
  it('knows the real queues behind virtual numbers', async () => {
    const [refused, granted] = await typed(
      SHARED,
      'chzdev -a --type ap apmask=+5',
      'chzdev -a --type ap apmask=+1',
    );
    expect(refused).toContain('APQN 5.4');
    expect(granted).toBe('');
  });
});

describe('request_count and lszcrypt of the host', () => {
  it('count what guests have sent to a card that they share, and what is under way', async () => {
    const send = (guest: string, apqn: string, psmid: number): string =>
      `${guest}.0: nqap ${apqn} psmid=${psmid} addr=0x4000 len=64`;
    await withMachine(SHARED, async (machine) => {
      const shell = new TestShell(machine);
      const exchange = `${send('B', '02.0009', 1)}
${send('B', '02.0009', 2)}
clock: run
${send('A', '01.0000', 1)}
clock: run
${send('B', '02.0009', 3)}`;
      expect(mismatches(machine, exchange)).toEqual([]);
      const path = '/sys/bus/ap/devices';
      // B has sent three to 05.0004 and 05.0047; A one to 03.0004, and the host has asked that one before.
      expect(await shell.out(`cat ${path}/card05/request_count`)).toBe('3\n');
      expect(await shell.out(`cat ${path}/03.0004/request_count`)).toBe('2\n');
      expect(await shell.out(`cat ${path}/05.0004/request_count`)).toBe('2\n');
      expect(await shell.out(`cat ${path}/card05/pendingq_count`)).toBe('1\n');
      expect(await shell.out('lszcrypt -V 5')).toMatch(/^05 .* 3 +1 /m);
      expect(await shell.out(`echo 0 > ${path}/card05/request_count`)).toBe('');
      expect(await shell.out(`cat ${path}/card05/request_count`)).toBe('0\n');
    });
  });
});

describe('the shell', () => {
  it('sets choice and allow_secure as files, and shows the type’s files', async () => {
    const outputs = await typed(
      SHARED,
      'cd /sys/devices/vfio_ap/matrix/$A; ls',
      'echo random > choice; cat choice',
      'echo best > choice; echo $?',
      'echo 1 > allow_secure; cat allow_secure',
    );
    expect(outputs[0]).toContain('allow_secure');
    expect(outputs.slice(1, 2)).toEqual(['least sticky first [random]\n']);
    expect(outputs[2]).toMatch(/^1\n.*Invalid argument\n$/);
    expect(outputs[3]).toBe('1\n');
  });
});
