#!/bin/bash
# terminal.sh FOLDER: what tools for text and terminals print; see small.py.
set -eu
work=$(mktemp -d)
trap 'tmux -S "$work/tmux" kill-server 2>/dev/null || true; rm -rf "$work"' EXIT
cd "$work"
export GIT_CONFIG_GLOBAL=/dev/null GIT_CONFIG_SYSTEM=/dev/null LC_ALL=C.UTF-8
out=$1

# to FORMAT NAME COMMAND… writes what a command prints.
to() {
	mkdir -p "$out/$1"
	local file=$out/$1/$2
	shift 2
	"$@" >"$file" || [ $? = 1 ]
}
git init -q .
git config user.name n
git config user.email n@example.com
git commit -q --allow-empty -m start
screen() { tmux -S "$work/tmux" -f /dev/null "$@"; }
screen new-session -d -s keep -x 80 -y 24 "sleep 1000"
pane() {
	screen new-session -d -s "$1" -x 80 -y 24 "cat app.log; sleep 60"
	for _ in $(seq 50); do
		sleep 0.1
		! screen capture-pane -p -t "$1" | grep -q seconds || break
	done
	screen capture-pane -p "${@:2}" -t "$1"
	screen kill-session -t "$1"
}
shell() { # what script records of a shell into which the key is pasted
	cat >typed.py <<'EOF'
import os, pty, sys, time, select, struct, fcntl, termios
program, line = sys.argv[1].split(), sys.argv[2]
pid, fd = pty.fork()
if pid == 0:
    os.environ.update(TERM="xterm", PS1="$ ", HOME="/nowhere")
    os.execvp(program[0], program)
fcntl.ioctl(fd, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))
def drain(t):
    end = time.time() + t
    while time.time() < end:
        if select.select([fd], [], [], 0.05)[0]:
            try:
                sys.stdout.buffer.write(os.read(fd, 65536))
            except OSError:
                return
drain(0.4)
for c in line + "\n":
    os.write(fd, c.encode())
    drain(0.004)
drain(0.3)
os.write(fd, b"exit\n")
drain(0.2)
EOF
	python3 typed.py "$@"
}
while read -r name key; do
	printf 'PORT=8080\nSTRIPE_KEY=%s\nMODE=live\n' "$key" >app.env
	printf '12:00:01 INFO charge of customer 4711 with key %s failed, it will be tried again in ten seconds\n' "$key" >app.log
	to "grep --color" "$name" grep --color=always "sk_live_[A-Za-z0-9_-]*" app.env
	to "grep -o --color" "$name" grep -n --color=always "sk_live_" app.env
	to "diff --color" "$name" diff --color=always -u /dev/null app.env
	git add app.env
	git commit -q -m "$name"
	to "git show --color" "$name" git show --color=always HEAD
	to "git word diff" "$name" git show --color=always --word-diff=color HEAD
	printf 'PORT=8081\nSTRIPE_KEY=none\nMODE=live\n' >app.env
	to "git diff --color-words" "$name" git diff --color-words
	git checkout -q app.env
	git checkout -q -b "side$name"
	printf 'PORT=8080\nSTRIPE_KEY=side\nMODE=live\n' >app.env
	git commit -q -a -m side
	git checkout -q -
	printf 'PORT=8080\nSTRIPE_KEY=%sx\nMODE=test\n' main >app.env
	git commit -q -a -m main
	git merge -q "side$name" >/dev/null 2>&1 || true
	printf 'PORT=8080\nSTRIPE_KEY=%s\nMODE=test\n' "$key" >app.env
	git commit -q -a -m merge
	to "git combined diff" "$name" git show --cc HEAD
	to "git log -S patch" "$name" git format-patch -1 --stdout HEAD~1
	to "fold" "$name" fold -w 80 app.log
	to "fmt" "$name" fmt -w 60 app.log
	to "cat -A" "$name" cat -A app.env
	to "xxd" "$name" xxd app.env
	to "xxd -i" "$name" xxd -i app.env
	to "xxd -p" "$name" xxd -p app.env
	to "hexdump -C" "$name" hexdump -C app.env
	to "od -c" "$name" od -c app.env
	to "od -tx1" "$name" od -An -tx1 app.env
	to "base64" "$name" base64 app.env
	to "gzip in base64" "$name" sh -c "gzip -9n <app.env | base64 -w0"
	to "gzip in base64 twice" "$name" sh -c "gzip -9n <app.env | base64 -w0 | base64 -w0"
	to "gzip in base64, lines" "$name" sh -c "gzip -9n <app.env | base64"
	to "sqlite3 -box" "$name" sqlite3 -box :memory: "select 'stripe' as provider, '$key' as api_key, 'eur' as currency"
	to "sqlite3 -box wrapped" "$name" sqlite3 -cmd ".mode box --wrap 60" :memory: "select 'stripe' as provider, '$key' as api_key, 'eur' as currency"
	to "tmux" "$name" pane "${name/./-}"
	to "tmux -J" "$name" pane "${name/./-}" -J
	to "zsh recorded" "$name" shell "zsh -f -i" "export STRIPE_SECRET_KEY_OF_SHOP=$key; echo this is a long line"
	to "bash recorded" "$name" shell "bash --norc -i" "export STRIPE_SECRET_KEY_OF_SHOP=$key; echo this is a long line"
	to "printf %q" "$name" bash -c 'printf "%q\n" "$1"' x "a b $key"$'\n'
	to "compose default" "$name" printf 'environment:\n  STRIPE_KEY: ${STRIPE_KEY:-%s}\n  MODE: live\n' "$key"
	to "backslash-newline" "$name" printf 'curl https://api.example.com -u "%s\\\n%s:"\n' "${key:0:20}" "${key:20}"
	mkdir -p cpio.d && cp app.env cpio.d/app.env && printf '%s' "$key" >cpio.d/key
	to "cpio" "$name" sh -c "cd cpio.d && printf 'app.env\nkey\n' | cpio -o -H newc 2>/dev/null"
	printf '%s' "$key" >key && printf other >other && rm -f x.a && ar rc x.a key other
	to "ar" "$name" cat x.a
	to "Debian control" "$name" printf 'Package: x\nDescription: y\n %s\n .\n' "$key"
done
