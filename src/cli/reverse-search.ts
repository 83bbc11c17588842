// SPDX-License-Identifier: Apache-2.0
// Ctrl-R: looks for what was typed in the history, newest first, as bash and readline do.
// Source: GNU readline 8.2, manual, section 1.2.5 (searching for commands in the history).

/** The part of a line editor that the search needs. */
export interface Editor {
  line: string;
  cursor: number;
  getPrompt(): string;
  setPrompt(prompt: string): void;
  prompt(preserveCursor?: boolean): void;
}

export interface Key {
  readonly name?: string;
  readonly ctrl?: boolean;
  readonly meta?: boolean;
}

export class ReverseSearch {
  readonly #editor: Editor;
  readonly #history: () => readonly string[];
  #active = false;
  #query = '';
  /** Place in the history of what is shown; -1: nothing found yet. */
  #at = -1;
  #before = { prompt: '', line: '' };

  /** @param history newest first */
  constructor(editor: Editor, history: () => readonly string[]) {
    this.#editor = editor;
    this.#history = history;
  }

  /** Takes a key; true: the editor must not see it. */
  key(text: string | undefined, { name, ctrl = false, meta = false }: Key): boolean {
    if (ctrl && name === 'r') {
      if (this.#active) this.#find(this.#at + 1);
      else this.#begin();
      return true;
    }
    if (!this.#active) return false;
    if (name === 'escape' || (ctrl && name === 'g')) this.#end(this.#before.line);
    else if (name === 'backspace') {
      this.#query = this.#query.slice(0, -1);
      this.#find(0);
    } else if (!ctrl && !meta && text !== undefined && text >= ' ' && text !== '\x7f') {
      this.#query += text;
      this.#find(Math.max(0, this.#at));
    } else {
      // Any other key works on the line that was found.
      this.#end(this.#editor.line);
      return false;
    }
    return true;
  }

  #begin(): void {
    this.#active = true;
    this.#query = '';
    this.#at = -1;
    this.#before = { prompt: this.#editor.getPrompt(), line: this.#editor.line };
    this.#show(this.#editor.line, '');
  }

  #find(from: number): void {
    const history = this.#history();
    const at = history.findIndex((line, n) => n >= from && line.includes(this.#query));
    if (at >= 0) this.#at = at;
    this.#show(at >= 0 ? history[at] : this.#editor.line, at >= 0 ? '' : 'failed ');
  }

  #show(line: string, failed: string): void {
    this.#editor.line = line;
    this.#editor.cursor = line.length;
    this.#editor.setPrompt(`(${failed}reverse-i-search)\`${this.#query}': `);
    this.#editor.prompt(true);
  }

  #end(line: string): void {
    this.#active = false;
    this.#editor.line = line;
    this.#editor.cursor = line.length;
    this.#editor.setPrompt(this.#before.prompt);
    this.#editor.prompt(true);
  }
}
