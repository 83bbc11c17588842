// SPDX-License-Identifier: Apache-2.0
// Completion of lines: what Tab offers for commands, verbs, variables and paths.
// biome-ignore-all lint/suspicious/noTemplateCurlyInString: these are words of the shell.
import { describe, expect, it } from 'vitest';
import { withShell } from './support.ts';

const completed = (line: string): Promise<readonly string[]> =>
  withShell(async ({ shell }) => [...shell.complete(line).candidates]);

describe('Tab', () => {
  it.each([
    ['lsz', ['lszcrypt', 'lszdev']],
    ['lszc', ['lszcrypt ']],
    [
      'cat /sys/bus/ap/ap',
      [
        '/sys/bus/ap/ap_adapter_mask',
        '/sys/bus/ap/ap_control_domain_mask',
        '/sys/bus/ap/ap_domain',
        '/sys/bus/ap/ap_interrupts',
        '/sys/bus/ap/ap_max_adapter_id',
        '/sys/bus/ap/ap_max_domain_id',
        '/sys/bus/ap/ap_usage_domain_mask',
        '/sys/bus/ap/apmask',
      ],
    ],
    ['cat /sys/bus/ap/apm', ['/sys/bus/ap/apmask ']],
    ['ls /sys/bus/', ['/sys/bus/ap/', '/sys/bus/matrix/', '/sys/bus/mdev/']],
    ['ls /s', ['/sys/']],
    [
      'echo 5 > /sys/devices/vfio_ap/matrix/$Guest1/assign_a',
      ['/sys/devices/vfio_ap/matrix/$Guest1/assign_adapter '],
    ],
    ['echo 5 >/sys/bus/ap/aq', ['/sys/bus/ap/aqmask ']],
    ['echo $G', ['$Guest1', '$Guest2']],
    ['guest ', ['attach', 'detach', 'list', 'lszcrypt', 'migrate', 'start', 'statistics', 'stop']],
    ['guest start ', ['Guest1', 'Guest2']],
    ['true && guest sto', ['stop ']],
    ['if gue', ['guest ']],
    ['lpar check', ['checkstop ']],
    ['clock r', ['run ']],
    ['mdevctl st', ['start', 'stop']],
    ['help chz', ['chzcrypt', 'chzdev']],
    ['lszcrypt --ca', ['--capability', '--cardonly']],
    ['chzcrypt --config-o', ['--config-off', '--config-on']],
    ['sudo chzd', ['chzdev ']],
    ['sudo lszdev --t', ['--type ']],
    [
      'mdevctl stop -u 00000000-0000-4000-8000-00000000000',
      ['00000000-0000-4000-8000-000000000001', '00000000-0000-4000-8000-000000000002'],
    ],
    ['mdevctl list --dump', ['--dumpjson ']],
    ['lszcrypt 05.00a', ['05.00ab ']],
    ['[[ -e /sys/bus/ap/apm', ['/sys/bus/ap/apmask ']],
    ['case', ['case ']],
    ['modprobe vfio_', ['vfio_ap ']],
    ['set -o pipe', ['pipefail ']],
    ['cat /sys/nope/', []],
    ['nosuch', []],
  ])('after %j offers %j', async (line, candidates) => {
    expect(await completed(line)).toEqual(candidates);
  });

  it('completes names relative to the directory', async () => {
    await withShell(async ({ shell }) => {
      await shell.run('cd /sys/bus/ap');
      expect(shell.complete('cat apm')).toEqual({ candidates: ['apmask '], word: 'apm' });
      expect(shell.complete('ls dr').candidates).toEqual([
        'drivers/',
        'drivers_autoprobe',
        'drivers_probe',
      ]);
    });
  });

  it('gives candidates that begin with the word, whatever the line', async () => {
    await withShell(async ({ shell }) => {
      for (const line of [
        '',
        ' ',
        '|',
        'cat "',
        "cat '",
        'a=b c',
        '$',
        '${',
        'x >',
        '>',
        ';;',
        'guest start x y ',
      ]) {
        const { candidates, word } = shell.complete(line);
        for (const candidate of candidates) expect(candidate.startsWith(word)).toBe(true);
      }
    });
  });
});
