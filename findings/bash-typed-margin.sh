#!/bin/sh
# bash 5.2.15-2+b13 of Debian 12 (needs apt, dpkg and Python 3)
#
# What script(1) and asciinema record of a command line that is longer than the terminal
# is wide depends on how it got there. A pasted line is written as it is. Of a typed one,
# bash writes a space and a carriage return at the margin, to be sure that the cursor is
# on the next line: a word there is in two halves, and a search of the recording does not
# find it. The terminal shows the same in both cases.
#
# Seen, of "echo abc…xyz", 104 letters, in 80 columns, from the 77th column on:
#   pasted: b'rstuvwxyz'
#   typed: b'rstu \rvwxyz'
set -eu
expected="pasted: b'rstuvwxyz'
typed: b'rstu \\rvwxyz'"

dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
{ apt-get download bash=5.2.15-2+b13 && dpkg -x bash_*.deb root; } >install.log 2>&1 || { cat install.log >&2; exit 2; }
cat >type.py <<'EOF'
import fcntl, os, pty, select, string, struct, termios, time

letters = string.ascii_lowercase * 4


def record(pause):
    pid, terminal = pty.fork()
    if pid == 0:
        os.environ.update(TERM="xterm", PS1="$ ", HOME="/nowhere")
        os.execv("root/bin/bash", ["bash", "--norc", "-i"])
    fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))
    out = b""

    def read(seconds):
        nonlocal out
        end = time.time() + seconds
        while time.time() < end:
            if select.select([terminal], [], [], 0.01)[0]:
                out += os.read(terminal, 65536)

    read(1)
    line = "echo " + letters
    for i in range(0, len(line), 1 if pause else len(line)):
        os.write(terminal, (line[i] if pause else line).encode())
        read(pause)
    read(1)
    return out[out.index(b"echo ") + 74 :][:12].partition(b"z")[0] + b"z"


print("pasted:", record(0))
print("typed:", record(0.005))
EOF
seen=$(python3 type.py)
printf "%s\n" "$seen"
[ "$seen" = "$expected" ] || { echo "changed; expected:" >&2; printf "%s\n" "$expected" >&2; exit 1; }
