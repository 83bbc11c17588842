// SPDX-License-Identifier: Apache-2.0
// apemu's own files in the guest image: init, and a program that sends RSA requests to the cards and compares the results.

/** What init prints when the shell is ready; the host side waits for it. */
export const READY_MARK = 'apemu-guest: ready';
/** What init prints as its first line. */
export const INIT_MARK = 'apemu-guest: init';
/** What init prints when the drivers are loaded. */
export const MODULES_MARK = 'apemu-guest: modules loaded';
/** Begins the line after the output of a command. The command's number and exit status follow. */
export const STATUS_MARK = 'apemu-guest: status';

/**
 * PID 1 of the guest. With `apemu.console=script` on the kernel command line it reads a command from each line and prints its status;
 * otherwise it starts a shell.
 */
export const INIT_SCRIPT = `#!/bin/busybox sh
export PATH=/sbin:/usr/sbin:/bin:/usr/bin
export OPENSSL_ENGINES=/lib/s390x-linux-gnu/engines
/bin/busybox mkdir -p /proc /sys /dev /tmp /run
/bin/busybox mount -t proc proc /proc
/bin/busybox mount -t sysfs sysfs /sys
/bin/busybox mount -t devtmpfs devtmpfs /dev 2>/dev/null
/bin/busybox --install -s /bin
mkdir -p /dev/shm && mount -t tmpfs tmpfs /dev/shm
echo "${INIT_MARK}"
for module in $(cat /modules/order); do
  insmod /modules/$module.ko || echo "apemu-guest: cannot load $module"
done
wanted=$(ls -d /sys/bus/ap/devices/*.* 2>/dev/null | wc -l)
turns=0
while [ $turns -lt 50 ]; do
  present=$(ls /sys/bus/ap/devices/*.*/online 2>/dev/null | wc -l)
  [ "$present" -ge "$wanted" ] && break
  turns=$((turns + 1)); usleep 100000
done
[ -e /dev/z90crypt ] && chmod 666 /dev/z90crypt
echo "${MODULES_MARK}"
case " $(cat /proc/cmdline) " in
  *" apemu.console=script "*) ;;
  *) echo "${READY_MARK}"; while :; do setsid cttyhack sh; done ;;
esac
stty -echo 2>/dev/null
dmesg -n 1
echo "${READY_MARK}"
number=0
while IFS= read -r line; do
  number=$((number + 1))
  eval "$line"
  echo "${STATUS_MARK} $number $?"
done
poweroff -f
`;

/**
 * A program that sends RSA requests through /dev/z90crypt. Usage: rsa-test COUNT [PROCESSES [FILTER]]. FILTER is a prefix of the first
 * column of /apemu/rsa.txt, such as "mex-1024". Prints one line for each process, and exits with 0 if every result was right.
 */
export const RSA_TEST = `#!/usr/bin/perl
# mex NAME INPUT EXPECTED EXPONENT MODULUS | crt NAME INPUT EXPECTED DP DQ P Q U, numbers in hexadecimal, full length
my ($count, $processes, $filter) = @ARGV;
$count ||= 1; $processes ||= 1; $filter //= '';
my @tests;
open(my $file, '<', '/apemu/rsa.txt') or die "rsa.txt: $!\\n";
while (<$file>) {
  my ($kind, $name, @numbers) = split;
  push @tests, [$kind, $name, map { pack('H*', $_) } @numbers] if index($name, $filter) == 0;
}
die "no test is called $filter\\n" unless @tests;
$| = 1;
my $failed = 0;
my @children;
for my $process (1 .. $processes) {
  my $pid = $processes > 1 ? fork() : 0;
  if ($pid) { push @children, $pid; next; }
  my ($right, $wrong, %errors) = (0, 0);
  open(my $device, '+<', '/dev/z90crypt') or die "z90crypt: $!\\n";
  for my $turn (0 .. $count - 1) {
    my ($kind, $name, $input, $expected, @key) = @{$tests[($turn + $process) % @tests]};
    my $output = "\\0" x length($input);
    my $skip = "\\0" x 8;
    @key = ($skip . $key[0], $key[1], $skip . $key[2], $key[3], $skip . $key[4]) if $kind eq 'crt';
    my $request = pack('P L x4 P L x4', $input, length($input), $output, length($output));
    $request .= pack('P', $_) for @key;
    my $code = $kind eq 'crt' ? 0xC0007A06 : 0xC0007A05;
    if (!ioctl($device, $code, $request)) { $errors{$! + 0}++; }
    elsif ($output ne $expected) { $wrong++; print "wrong: $name\\n" if $wrong == 1; }
    else { $right++; }
  }
  my $text = join(' ', map { "errno$_=$errors{$_}" } sort keys %errors);
  print "rsa-test: process=$process right=$right wrong=$wrong $text\\n";
  my $bad = $right != $count;
  exit($bad) if $processes > 1;
  $failed = $bad;
}
for my $child (@children) { waitpid($child, 0); $failed = 1 if $?; }
exit($failed);
`;
