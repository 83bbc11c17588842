// SPDX-License-Identifier: Apache-2.0
// The folder of a campaign: the corpus, whose files are named by their content, findings, and state. Files are written beside their place
// and then moved there, so that a process that is killed leaves complete files only.
// Source: docs/design.md section 10 (corpus/, findings/, stats.json, plot.ndjson).
import { createHash } from 'node:crypto';
import {
  appendFileSync,
  existsSync,
  readdirSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { makeFolders } from '../config/make-folders.ts';
import { type FileKind, PROGRAM, readText } from '../config/text-file.ts';
import { ApemuError } from '../errors.ts';
import { parseProgram } from '../program/parse.ts';
import { eventsOf, parseScenarioLines, scenarioLines, scenarioProgram } from '../scenario/text.ts';
import { MIB } from '../units.ts';

export const STATE_FILE = 'state.json';
export const STATS_FILE = 'stats.json';
export const PLOT_FILE = 'plot.ndjson';
const CORPUS_FOLDER = 'corpus';
export const FINDINGS_FOLDER = 'findings';
export const CONFIG_FILE = 'machine.yaml';
const CORPUS_FILE = /^([0-9a-f]{16})\.ap$/;
const PART = '.part';
/** Texts of a corpus of a million scenarios. */
const STATE: FileKind = {
  name: 'state',
  code: 'APEMU_ERR_FUZZ_STATE',
  maxBytes: 256 * MIB,
  maxLines: 1_000_000,
};

/** Name of a scenario, which is made from its content. */
export const nameOf = (lines: string): string =>
  createHash('sha256').update(lines).digest('hex').slice(0, 16);

/** The error for a path that cannot be written: ApemuError `APEMU_ERR_USAGE_SAVE`. */
const failed = (path: string, cause: unknown): ApemuError => {
  const errno = (cause as NodeJS.ErrnoException).code ?? 'unknown';
  return new ApemuError('APEMU_ERR_USAGE_SAVE', `cannot write ${path}: ${errno}`, { errno, cause });
};

export class CampaignStore {
  readonly folder: string;

  /**
   * Opens a folder, or makes it.
   *
   * @throws ApemuError `APEMU_ERR_USAGE_SAVE` if that is not possible
   */
  constructor(folder: string) {
    this.folder = folder;
    for (const sub of [CORPUS_FOLDER, FINDINGS_FOLDER]) this.makeFolder(sub);
    this.#dropParts();
  }

  makeFolder(sub: string): void {
    const path = join(this.folder, sub);
    try {
      makeFolders(path);
    } catch (cause) {
      throw failed(path, cause);
    }
  }

  /** Writes a complete file, or nothing. */
  write(name: string, text: string): void {
    const path = join(this.folder, name);
    try {
      writeFileSync(path + PART, text);
      renameSync(path + PART, path);
    } catch (cause) {
      throw failed(path, cause);
    }
  }

  append(name: string, text: string): void {
    const path = join(this.folder, name);
    try {
      appendFileSync(path, text);
    } catch (cause) {
      throw failed(path, cause);
    }
  }

  /** The text of a file; undefined if there is none. */
  read(name: string): string | undefined {
    const path = join(this.folder, name);
    return existsSync(path) ? readText(path, STATE) : undefined;
  }

  has(name: string): boolean {
    return existsSync(join(this.folder, name));
  }

  /** Keeps a scenario. Returns its name. */
  keep(lines: string): string {
    const name = nameOf(lines);
    const file = join(CORPUS_FOLDER, `${name}.ap`);
    if (!this.has(file))
      this.write(file, scenarioProgram(parseScenarioLines(lines), `../${CONFIG_FILE}`));
    return name;
  }

  /**
   * Keeps the scenarios of another folder, findings included. They are run first.
   *
   * @throws ApemuError `APEMU_ERR_USAGE_FROM` for a folder without any, MistakesError for a file that is not an AP program
   */
  takeOver(from: string): void {
    const files = existsSync(from)
      ? (readdirSync(from, { recursive: true }) as string[]).filter((file) => file.endsWith('.ap'))
      : [];
    if (files.length === 0)
      throw new ApemuError(
        'APEMU_ERR_USAGE_FROM',
        `${from} holds no scenarios (expected the folder of a campaign, or one of files *.ap)`,
      );
    for (const file of files.sort()) {
      const path = join(from, file);
      const events = eventsOf(parseProgram(readText(path, PROGRAM), path));
      if (events.length > 0) this.keep(scenarioLines(events));
    }
  }

  /** Names of the scenarios in the corpus, in order. */
  names(): string[] {
    return readdirSync(join(this.folder, CORPUS_FOLDER))
      .flatMap((file) => CORPUS_FILE.exec(file)?.[1] ?? [])
      .sort();
  }

  /**
   * The lines of a scenario in the corpus.
   *
   * @throws MistakesError for a file that is not an AP program, ApemuError `APEMU_ERR_CORPUS_DAMAGED` if its content does not fit its
   * name
   */
  scenario(name: string): string {
    const file = join(this.folder, CORPUS_FOLDER, `${name}.ap`);
    const lines = scenarioLines(eventsOf(parseProgram(readText(file, PROGRAM), file)));
    if (nameOf(lines) === name) return lines;
    throw new ApemuError(
      'APEMU_ERR_CORPUS_DAMAGED',
      `${file} is damaged: its content is not what its name says (expected the file as it was written; take it out of the folder to go on without it)`,
      { place: { file } },
    );
  }

  /**
   * Writes a scenario of the saved state that a killed process had not written yet.
   *
   * @throws as `scenario`, for a file that is there
   */
  restore(name: string, lines: string): void {
    if (this.has(join(CORPUS_FOLDER, `${name}.ap`))) this.scenario(name);
    else this.keep(lines);
  }

  /** Removes what a killed process was writing. */
  #dropParts(): void {
    for (const file of readdirSync(this.folder, { recursive: true, encoding: 'utf8' }))
      if (file.endsWith(PART)) rmSync(join(this.folder, file));
  }
}
