// SPDX-License-Identifier: Apache-2.0
// Takes fixes of Linux's AP drivers back, so that a fuzzer has known bugs to find.
// `node scripts/kernel-recipe/take-back.js SOURCE [FIX...]` works on an unpacked linux-source-6.12; each call begins with the files as they
// were, so without a fix it puts all back. Without SOURCE it tells the fixes.
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { FIXES } from './fixes.js';

const [source, ...names] = process.argv.slice(2);
const wrong = names.find((name) => FIXES[name] === undefined);
if (source === undefined || wrong !== undefined) {
  const rows = Object.entries(FIXES).map(
    ([name, { commit, says }]) => `${name}\t${commit}\t${says}`,
  );
  console.error(`node scripts/kernel-recipe/take-back.js SOURCE [FIX...]\n${rows.join('\n')}`);
  process.exit(2);
}

/** The file as Debian has it; kept beside it at the first call. */
const original = (path) => {
  const kept = `${path}.orig`;
  if (!existsSync(kept)) writeFileSync(kept, readFileSync(path));
  return readFileSync(kept, 'utf8');
};

const edits = (fixes) =>
  fixes.flatMap((name) => FIXES[name].edits.map((edit) => ({ name, ...edit })));
const texts = new Map(
  edits(Object.keys(FIXES)).map(({ file }) => [file, original(join(source, file))]),
);
for (const { name, file, find, by, times } of edits(names)) {
  const text = texts.get(file);
  const found = text.match(find)?.length ?? 0;
  if (found !== times) {
    console.error(
      `${name}: ${file} has ${found} of ${times} places: this is not the source it was made for`,
    );
    process.exit(1);
  }
  texts.set(file, text.replace(find, by));
}
// What does not change is not compiled again.
for (const [file, text] of texts)
  if (readFileSync(join(source, file), 'utf8') !== text) writeFileSync(join(source, file), text);
console.log(names.length === 0 ? 'all fixes are in' : `taken back: ${names.join(', ')}`);
