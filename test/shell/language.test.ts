// SPDX-License-Identifier: Apache-2.0
// The script language: exact output, messages and status, and the same from the real bash where there is one.
// biome-ignore-all lint/suspicious/noTemplateCurlyInString: these are words of the shell.
import { spawnSync } from 'node:child_process';
import { describe, expect, it } from 'vitest';
import { RICHER_SCRIPTS, TOOL_SCRIPTS } from './bash-scripts.ts';
import { type Ran, sharedMachine, withShell } from './support.ts';

// These scripts leave the machine alone: one is enough.
const { sh } = sharedMachine();

/** Scripts that use nothing of the machine: what bash does with them is what must come out. */
const SAME_AS_BASH: readonly string[] = [
  // Words and quoting.
  'echo a  b   c',
  `echo 'a  b' "c  d" e\\ f`,
  'echo "a \\"b\\" \\$c \\\\ \\n"',
  `echo 'it'\\''s'`,
  'echo a"b"c\'d\'',
  'echo "" | wc -c',
  'echo a#b # comment',
  'echo \\#; # only a comment',
  'echo one \\\n two',
  'printf "%s|" a "" "b c"; echo',
  'for w in a "" b; do printf "<%s>" "$w"; done; echo',
  // Variables.
  'a=1; echo $a ${a}b "$a"',
  'a="x  y"; echo $a; echo "$a"',
  'a=1 b=$a; echo $b',
  'echo "[$nothing]" [$nothing]',
  'a="1 2  3"; for i in $a; do echo $i; done',
  'a=" lead trail "; printf "<%s>" $a; echo',
  'a=x; echo $a$a "$a"y${a}z',
  'echo ${a:-word} ${a-none} [${a:+set}]; a=; echo [${a:-w}] [${a-w}] [${a+set}] [${a:+set}]',
  'a=/sys/bus/ap; echo ${#a} ${a##*/} ${a#*/} ${a%/*} ${a%%/*}.',
  'a=abc; echo ${a%c} ${a#a} ${a%x} "${a#?}"',
  'echo $? ; false; echo $?; true; echo $?',
  'set -- x y "z w"; echo $# $1 "$3" $*; for p in "$@"; do echo "<$p>"; done; shift; echo $1',
  'a=1; unset a; echo [$a]',
  'a=5 true; echo [$a]',
  // Substitution.
  'echo $(echo a b) "$(echo c  d)"',
  'a=$(printf "x\\n\\n"); echo "[$a]"',
  'echo "$(echo "$(echo deep)")"',
  'a=1; b=$(a=2; echo $a); echo $a $b',
  'echo $(exit 3); echo $?',
  'a=$(false); echo $?',
  'a=$(exit 7)',
  // Lists.
  'true && echo yes || echo no',
  'false && echo yes || echo no',
  'false || false || echo third',
  'true && false; echo $?',
  '! true; echo $?; ! false; echo $?',
  '! ! true; echo $?',
  'false; true',
  'true; false',
  'echo a; echo b; echo c',
  'echo a && echo b\necho c',
  'true &&\necho joined',
  // Pipes.
  'printf "b\\na\\nb\\n" | sort | uniq -c | tr -s " "',
  'echo abc | tr a-c A-C',
  'printf "1\\n2\\n3\\n" | head -n 2 | tail -n 1',
  'printf "one two\\nthree\\n" | wc -lw | tr -s " "',
  'echo x | true; echo $?; true | false; echo $?; false | true; echo $?',
  'a=1; echo 5 | read a; echo $a',
  'printf "a b\\nc d\\n" | while read x y; do echo "$y-$x"; done',
  'printf "x=1\\ny=22\\n" | grep -c =; printf "x=1\\ny=22\\n" | grep y | cut -d = -f 2',
  'echo abab | grep -o ab; echo abc | grep -q x; echo $?; echo "a.c" | grep -F a.c',
  'printf "5\\n10\\n9\\n" | sort -n; printf "5\\n10\\n9\\n" | sort -r',
  'seq 3; seq 2 4; seq 0 2 5; seq 3 -1 1',
  'cat <<X\na $((1 > 0) 2>/dev/null\nX'.replace('$((1 > 0) 2>/dev/null', '$HOME_IS_UNSET-b'),
  "cat <<'X'\na $b `c`\nX\necho after",
  'a=v; cat <<X | tr a-z A-Z\nline $a\nX',
  // Compound commands.
  'if true; then echo yes; fi',
  'if false; then echo yes; fi; echo $?',
  'if false; then echo a; elif true; then echo b; else echo c; fi',
  'if false\nthen\n echo a\nelse\n echo c\nfi',
  'if [ 1 -lt 2 ] && [ a = a ]; then echo both; fi',
  'for i in 1 2 3; do echo $i; done',
  'for i in; do echo $i; done; echo $?',
  'for i in 1 2 3\ndo\n  if [ $i = 2 ]; then continue; fi\n  echo $i\ndone',
  'for i in 1 2 3; do for j in a b; do [ $j = b ] && continue 2; echo $i$j; done; done',
  'for i in 1 2 3; do [ $i = 2 ] && break; echo $i; done; echo end',
  'for i in 1 2; do for j in a b; do break 2; done; echo never; done; echo out',
  'i=; while [ "$i" != xxx ]; do i=x$i; done; echo $i',
  'i=; until [ "$i" = xx ]; do i=x$i; done; echo $i',
  '{ echo a; echo b; } | wc -l | tr -d " "',
  'while false; do :; done; echo $?',
  'for f in a b; do echo $f; done | sort -r',
  // Tests.
  'test a = a; echo $?; test a = b; echo $?; [ -z "" ]; echo $?; [ -n "" ]; echo $?; [ x ]; echo $?; [ ]; echo $?',
  '[ 1 -eq 1 -a 2 -gt 1 ]; echo $?; [ 1 -eq 2 -o 2 -eq 2 ]; echo $?; [ ! a = b ]; echo $?',
  '[ a -eq 1 ]; echo $?',
  '[ 1; echo $?',
  '[ a b ]; echo $?',
  'test -e /nope; echo $?; [ -d / ]; echo $?',
  // echo and printf.
  'echo -n a; echo b; echo -e "x\\ty\\\\"; echo -E "x\\ty"; echo -ne "q\\n"',
  'echo -e "a\\cb"; echo; echo -e "\\x41\\0101"',
  'printf "%d %5d %-5d| %05d %x %X %#x %o\\n" 1 2 3 4 255 255 255 8',
  'printf "%s %s\\n" a b c; printf "%02x%%\\n" 10; printf "%c%c\\n" abc de',
  'printf "%d\\n" 0x1f 010 "\'A" -3; printf "%.2s|%5.1s|\\n" abc xyz',
  'printf "%d\\n" abc; echo $?',
  'printf "%b\\n" "a\\tb"; printf -v v "%03d" 7; echo $v',
  'printf; echo $?',
  // Options.
  'set -e; true; false; echo never',
  'set -e; if false; then :; fi; false || true; ! true; echo here; false; echo never',
  'set -e; a=$(false); echo never',
  'set -e; echo $(false); echo here',
  'set -e; for i in 1 2; do false; done; echo never',
  'set -e; false && true; echo here',
  'set -e; { false; echo a; } || echo b',
  'set +e; false; echo here',
  'set -x; echo a "b c"; x=1; y="a b" true',
  'set -x; for i in a b; do echo $i; done',
  `set -x; echo '' "it's" '*' a=b`,
  'set -q; echo $?',
  // Redirection.
  'echo a >/dev/null; echo b 2>/dev/null; echo c >&2',
  'echo hidden 2>&1 >/dev/null; cat /nope 2>/dev/null; echo $?',
  'cat /nope 2>&1 | tr a-z A-Z',
  'echo x &>/dev/null; { echo a; cat /nope; } 2>/dev/null',
  'echo a > /nope/b; echo $?',
  'cat < /nope; echo $?',
  // Errors and exits.
  'exit 3; echo never',
  'exit 300',
  'false; exit',
  'exit abc; echo never',
  'nosuchcommand_x a; echo $?',
  '/tmp/nosuchfile_x; echo $?',
  '/tmp; echo $?',
  'cd /nope; echo $?',
  'cd /; pwd; cd a b; echo $?',
  'cat /nope /nope2; echo $?',
  'ls /nope; echo $?',
  'ls -d /nope; echo $?',
  'grep; echo $?',
  'grep x /nope; echo $?',
  'export 1a=2; echo $?',
  'break; echo $?',
];

const clean = (text: string): string => text.replace(/^bash: (-c: )?line \d+: /gm, 'bash: ');

function inBash(script: string): Ran | undefined {
  const { stdout, stderr, status, error } = spawnSync(
    'bash',
    ['--norc', '--noprofile', '-c', script],
    {
      encoding: 'utf8',
      env: { PATH: process.env['PATH'], LC_ALL: 'C.UTF-8' },
      input: '',
    },
  );
  return error === undefined
    ? { out: stdout, err: clean(stderr), status: status ?? -1 }
    : undefined;
}

const haveBash = inBash('true') !== undefined;
if (!haveBash) console.log('no bash on this computer: scripts are not compared with it');

/** Where bash says more than one line, or words that this shell does not repeat. */
const firstLine = ({ out, err, status }: Ran): Ran => ({
  out,
  err: err
    .replace(/\nbash: `.*'\n$/s, '\n')
    .replace(/\n(Try|Usage|set: usage|break).*/gs, '\n')
    .replace(/^(bash: set: -q: invalid option\n).*/s, '$1'),
  status,
});

describe.skipIf(!haveBash)('a script gives what bash gives', () => {
  it.each([...SAME_AS_BASH, ...RICHER_SCRIPTS, ...TOOL_SCRIPTS])('%s', async (script) => {
    const ours = await sh(script);
    expect(firstLine(ours)).toEqual(firstLine(inBash(script) as Ran));
  });
});

describe('a syntax error', () => {
  it.each([
    ['echo a\nfi\necho b', 'a\n', "bash: syntax error near unexpected token `fi'\n"],
    ['echo a\nif true\necho b', 'a\n', 'bash: syntax error: unexpected end of file\n'],
    ['echo "a', '', 'bash: unexpected EOF while looking for matching `"\'\n'],
    ["echo 'a", '', "bash: unexpected EOF while looking for matching `''\n"],
    ['echo $(echo a', '', "bash: unexpected EOF while looking for matching `)'\n"],
    ['; echo a', '', "bash: syntax error near unexpected token `;'\n"],
    ['echo a | ; echo b', '', "bash: syntax error near unexpected token `;'\n"],
    ['echo a && && b', '', "bash: syntax error near unexpected token `&&'\n"],
    ['for 1 in a; do :; done', '', "bash: `1': not a valid identifier\n"],
    ['echo ${a b}', '', 'bash: ${a b}: bad substitution\n'],
    ['echo >', '', "bash: syntax error near unexpected token `newline'\n"],
  ])('%j ends the script there with status 2', async (script, out, err) => {
    expect(await sh(script)).toEqual({ out, err, status: 2 });
  });

  it.each([
    ['select x in a b; do echo; done', 'select is not supported'],
    ['coproc cat', 'coproc is not supported'],
    ['cat <> /tmp/x', '<> is not supported'],
    ['tee >(cat)', '>( … ) is not supported'],
  ])('%s is refused in words', async (script, message) => {
    expect(await sh(script)).toEqual({ out: '', err: `bash: ${message}\n`, status: 2 });
  });
});

describe('awk', () => {
  it.each([
    ['BEGIN { system("echo hi") }', 'there is no function system here'],
    ['BEGIN { print twice(2) }', 'there is no function twice here'],
    ['{ print > "/tmp/x" }', 'output with > is not supported'],
    ['END { print | "sort" }', 'output with | is not supported'],
    ['function f(a) { return a }', 'functions are not supported'],
  ])('%s is refused in words', async (program, message) => {
    const { out, err, status } = await sh(`awk '${program}' < /dev/null`);
    expect([out, err, status]).toEqual(['', expect.stringContaining(`awk: ${message}`), 2]);
  });

  it('takes a word and parentheses with a blank between them for two', async () => {
    expect((await sh(`awk 'BEGIN { x = "a"; print x ("b") }'`)).out).toBe('ab\n');
  });
});

describe('sed', () => {
  it('that jumps without end is ended', async () => {
    const { err, status } = await sh(`echo a | sed ':a;ba'`);
    expect([err, status]).toEqual([expect.stringContaining('more than 1000000 jumps'), 1]);
  });
});

describe('set -u', () => {
  it('ends a script at a variable that is not set, with status 1', async () => {
    expect(await sh('set -u; echo $nothing_here; echo never')).toEqual({
      out: '',
      err: 'bash: nothing_here: unbound variable\n',
      status: 1,
    });
  });
});

describe('a text is incomplete', () => {
  it.each([
    ['if true', true],
    ['for i in a; do', true],
    ['echo "a', true],
    ['echo a |', true],
    ['echo a &&', true],
    ['{ echo a', true],
    ['cat <<X\na', true],
    ['echo a \\', true],
    ['echo a', false],
    ['if true; then echo a; fi', false],
    ['fi', false],
    ['', false],
  ])('%j: %s', async (text, incomplete) => {
    await withShell(async ({ shell }) => expect(shell.isIncomplete(text)).toBe(incomplete));
  });
});

describe('a loop that never ends', () => {
  it('is ended after 100,000 rounds', async () => {
    const { err, status } = await sh('while true; do :; done');
    expect({ err, status }).toEqual({
      err: 'bash: while: no end after 100000 rounds\n',
      status: 1,
    });
  });

  it('ends at Ctrl-C with status 130', async () => {
    let looks = 0;
    const interrupted = (): boolean => ++looks > 50;
    const { status } = await sh('while true; do :; done; echo never', { interrupted });
    expect(status).toBe(130);
  });
});
