// SPDX-License-Identifier: Apache-2.0
// The agent in the guest: a script that performs operations and prints what came out. The guest image has a
// Perl; no compiler is needed for the guest.
// Source: test/golden/README.md (what is observed); Linux, include/uapi/linux/netlink.h (NETLINK_KOBJECT_UEVENT), Documentation/ABI/testing/dev-kmsg.
import type { RecordedOperation } from '../sysfs/recorded-operation.ts';

/** Path of the agent in the guest. */
export const AGENT_PATH = 'apemu/recorder.pl';
/** What it prints when it waits for operations, and when it has taken a piece of them. */
export const AGENT_READY = '@ready';
export const AGENT_MORE = '@more';

/**
 * Reads operations from its standard input: `operationPieces`, a line each, then a point. Prints `@LINE LETTER ERRNO TEXT`, with what is not plain in TEXT as %XX. The letters are those of `encodeOperation`, and
 * T: microseconds since time 0, before each operation; U: an event; K: a line of the kernel's log, warnings and worse; `.`: the end of F.
 * After each change it looks for events and log lines. For an `H` it waits for a line on its standard input.
 */
export const AGENT_PROGRAM = `#!/usr/bin/perl
# The image has no modules for Perl, not even pragmas.
my ($NETLINK, $RAW, $KOBJECT_UEVENT, $SOL_SOCKET, $SO_RCVBUFFORCE) = (16, 3, 15, 1, 33);
my ($DONTWAIT, $NONBLOCK, $WARNING, $CLOCK_GETTIME, $CLOCK_MONOTONIC) = (0x40, 0x800, 4, 260, 1);
$| = 1;

sub escaped { my $text = shift; $text =~ s/([^ !-\\$&-~])/sprintf('%%%02X', ord $1)/ges; $text }
sub report { my ($line, $letter, $errno, $text) = @_; print "\\@$line $letter $errno", defined $text ? ' ' . escaped($text) : '', "\\n" }

socket(my $events, $NETLINK, $RAW, $KOBJECT_UEVENT) or die "netlink: $!";
setsockopt($events, $SOL_SOCKET, $SO_RCVBUFFORCE, pack('i', 4 << 20));
bind($events, pack('S S L L', $NETLINK, 0, 0, 1)) or die "netlink: $!";
sysopen(my $log, '/dev/kmsg', $NONBLOCK) or die "kmsg: $!";
sysseek($log, 0, 2);

sub look {
  my $line = shift;
  while (defined recv($events, my $message, 65536, $DONTWAIT)) {
    last if $message eq '';
    report($line, 'U', 0, join("\\n", grep { !/^SEQNUM=/ } split(/\\0/, $message)));
  }
  while (my $got = sysread($log, my $record, 8192)) {
    my ($priority, $text) = $record =~ /^(\\d+),[^;]*;([^\\n]*)/ or next;
    report($line, 'K', 0, $text) if ($priority & 7) <= $WARNING;
  }
}

sub slurp {
  my $path = shift;
  sysopen(my $file, $path, 0) or return ($! + 0, '');
  my $text = '';
  for (;;) {
    my $got = sysread($file, my $piece, 65536);
    return ($! + 0, $text) unless defined $got;
    return (0, $text) unless $got;
    $text .= $piece;
  }
}

sub names { my $path = shift; $! = 0; opendir(my $folder, $path) or return; sort grep { !/^\\.\\.?$/ } readdir $folder }

sub now { my $time = pack('qq', 0, 0); syscall($CLOCK_GETTIME, $CLOCK_MONOTONIC, $time); my ($s, $ns) = unpack('qq', $time); $s * 1e6 + int($ns / 1000) }

my %does = (
  W => sub {
    my ($line, $path, $hex) = @_;
    my $data = pack('H*', $hex // '');
    my $errno = 0;
    if (sysopen(my $file, $path, 1)) {
      my $done = syswrite($file, $data);
      $errno = !defined $done ? $! + 0 : $done && $done != length $data ? -$done : 0;
      close $file;
    } else { $errno = $! + 0 }
    report($line, 'W', $errno);
    look($line);
  },
  R => sub { my ($line, $path) = @_; my ($errno, $text) = slurp($path); report($line, 'R', $errno, $text) },
  L => sub { my ($line, $path) = @_; my $target = readlink $path; defined $target ? report($line, 'L', 0, $target) : report($line, 'L', $! + 0) },
  D => sub { my ($line, $path) = @_; my @names = names($path); @names || -d $path ? report($line, 'D', 0, "@names") : report($line, 'D', $! + 0) },
  F => sub {
    my ($line, $path) = @_;
    for my $name (names($path)) {
      next if -l "$path/$name" || -d _ || !((stat _)[2] & 0444);
      my ($errno, $text) = slurp("$path/$name");
      report($line, 'F', $errno, "$name $text");
    }
    report($line, '.', 0);
  },
  H => sub { my $line = shift; report($line, 'H', 0); <STDIN>; look($line) },
);

my $operations = '';
print '${AGENT_READY}', "\\n";
while (defined(my $piece = <STDIN>)) {
  chomp $piece;
  last if $piece eq '.';
  $operations .= $piece;
  print '${AGENT_MORE}', "\\n";
}
my $line = 0;
look(0);
my $start = now();
print "\\@begin $start\\n";
for my $operation (split /\\|/, $operations) {
  my ($letter, @words) = split / /, $operation;
  report(++$line, 'T', now() - $start);
  $does{$letter}->($line, @words);
}
print "\\@end $line\\n";
`;

const LETTERS = { write: 'W', read: 'R', files: 'F', list: 'D', link: 'L' } as const;

/** A terminal takes 4,095 characters a line. Source: Linux, N_TTY_BUF_SIZE. */
const PIECE_LENGTH = 2_000;

/** All operations as the agent reads them. */
export function operationPieces(operations: readonly RecordedOperation[]): string[] {
  const text = operations.map(encodeOperation).join('|');
  const count = Math.ceil(text.length / PIECE_LENGTH);
  return Array.from({ length: count }, (_, n) =>
    text.slice(n * PIECE_LENGTH, (n + 1) * PIECE_LENGTH),
  );
}

/** An operation in the agent's words. What an operator does, we do. */
export function encodeOperation(operation: RecordedOperation): string {
  switch (operation[0]) {
    case 'partition':
    case 'host':
      return 'H';
    case 'write':
      return `W ${operation[1]} ${Buffer.from(operation[2], 'latin1').toString('hex')}`;
    default:
      return `${LETTERS[operation[0]]} ${operation[1]}`;
  }
}
