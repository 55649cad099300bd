#!/bin/sh
# husky 9.1.7 (needs Node.js with npm, and git)
#
# A hook in .husky that begins with "#!/usr/bin/env node" and is executable looks
# like any hook of git's. husky does not execute it: it runs "sh -e FILE", so that the
# first line is a comment and the rest is read as shell. The same file in .git/hooks
# works. A hook that is not executable runs, too, which git would skip.
#
# Seen:
#   .git/hooks/pre-commit, executable: status 0, hello from node
#   .husky/pre-commit, executable: status 1, a syntax error of sh
#   .husky/pre-commit, shell, not executable: status 1, hello from sh
set -eu
expected='.git/hooks/pre-commit, executable: status 0, hello from node
.husky/pre-commit, executable: status 1, a syntax error of sh
.husky/pre-commit, shell, not executable: status 1, hello from sh'

dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
export HOME="$dir" GIT_CONFIG_NOSYSTEM=1
git init -q .
git config user.name example
git config user.email example@example.com
{ npm init -y && npm install --save-exact husky@9.1.7; } >install.log 2>&1 || { cat install.log >&2; exit 2; }
commit() {
	status=0
	git commit -q --allow-empty -m example >log 2>&1 || status=$?
	message=$(grep -o -i 'hello from [a-z]*\|syntax error' log | head -1)
	[ "$message" != 'Syntax error' ] && [ "$message" != 'syntax error' ] || message='a syntax error of sh'
	echo "$1: status $status, $message"
}
seen=$(
	printf '#!/usr/bin/env node\nconsole.log("hello from node")\n' >.git/hooks/pre-commit
	chmod +x .git/hooks/pre-commit
	commit '.git/hooks/pre-commit, executable'
	mkdir .husky
	cp .git/hooks/pre-commit .husky/pre-commit
	npx --no-install husky >/dev/null
	commit '.husky/pre-commit, executable'
	printf 'echo hello from sh\nexit 1\n' >.husky/pre-commit
	chmod -x .husky/pre-commit
	commit '.husky/pre-commit, shell, not executable'
)
echo "$seen"
[ "$seen" = "$expected" ] || { cat log >&2; echo "changed; expected:" >&2; echo "$expected" >&2; exit 1; }
