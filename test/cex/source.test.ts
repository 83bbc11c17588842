// SPDX-License-Identifier: Apache-2.0
// The folder's own rules: what it imports, what it must not use, and that the page about it is up to date.
import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import { describe, expect, it } from 'vitest';
import { supportPage } from '../../src/cex/support.ts';

const ROOT = resolve(import.meta.dirname, '../..');
const CEX = join(ROOT, 'src/cex');
const FILES = readdirSync(CEX, { recursive: true, encoding: 'utf8' }).filter((f) =>
  f.endsWith('.ts'),
);

/** Imported paths of a file, relative ones from the repository root. */
function imports(file: string): string[] {
  const text = readFileSync(join(CEX, file), 'utf8');
  return [...text.matchAll(/^(?:import|export)[^;]*? from '([^']+)';/gms)].map((m) =>
    m[1].startsWith('.') ? relative(ROOT, resolve(CEX, dirname(file), m[1])) : m[1],
  );
}

/** Besides its own files. */
const ALSO = /^(src\/errors\.ts|node:crypto|native-like\/arch\/.*)$/;

describe('src/cex', () => {
  it('has the files of every mode', () => {
    expect(FILES.length).toBeGreaterThan(35);
    for (const mode of ['accelerator', 'cca', 'ep11', 'loopback']) {
      expect(FILES).toEqual(
        expect.arrayContaining([join(mode, 'process.ts'), join(mode, 'functions.ts')]),
      );
    }
  });

  it.each(FILES)(
    '%s imports itself, the architecture, the error class and Node crypto only',
    (file) => {
      const inside = file.startsWith('messages') ? /^src\/cex\/messages\// : /^src\/cex\//;
      const foreign = imports(file).filter((path) => !inside.test(path) && !ALSO.test(path));
      expect(foreign).toEqual([]);
    },
  );

  it.each(FILES)('%s logs nothing and reads no clock, random source or environment', (file) => {
    const text = readFileSync(join(CEX, file), 'utf8').replace(
      /^\s*(\/\/|\*|\/\*|import).*$/gm,
      '',
    );
    expect(text).not.toMatch(
      /\bconsole\b|\bpino\b|\bDate\b|Math\.random|randomBytes|randomFill|setTimeout|setInterval|\bprocess\.|\bperformance\b/,
    );
    expect(text.split('\n').length).toBeLessThan(320);
  });

  it('is described by docs/messages-support.md as it is', () => {
    expect(readFileSync(join(ROOT, 'docs/messages-support.md'), 'utf8')).toBe(supportPage());
  });
});
