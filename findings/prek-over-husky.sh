#!/bin/sh
# prek 0.5.3 over husky 9.1.7 (needs Node.js with npm, git, Linux x86-64)
#
# prek install in a repository of husky renames husky's hook NAME.legacy, and says
# that it also runs it. It does. But husky's hook finds its script by its own name:
# it looks for .husky/NAME.legacy, finds none, and succeeds. So a script of husky
# that refuses every commit refuses none any more, and nothing says so.
#
# Seen:
#   husky: status 1, refused
#   prek over husky: Migration mode: prek will also run legacy hook
#   prek over husky: status 0,
set -eu
expected='husky: status 1, refused
prek over husky: Migration mode: prek will also run legacy hook
prek over husky: status 0, '

dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
export HOME="$dir" GIT_CONFIG_NOSYSTEM=1 GIT_TEMPLATE_DIR=
git init -q .
git config user.name example
git config user.email example@example.com
{ npm init -y && npm install --ignore-scripts --save-exact husky@9.1.7 @j178/prek-linux-x64-gnu@0.5.3; } >install.log 2>&1 || { cat install.log >&2; exit 2; }
chmod +x node_modules/@j178/prek-linux-x64-gnu/prek
commit() {
	status=0
	git commit -q --allow-empty -m example >log 2>&1 || status=$?
	echo "$1: status $status, $(grep -o refused log || true)"
}
seen=$(
	mkdir .husky
	printf 'echo refused\nexit 1\n' >.husky/pre-commit
	npx --no-install husky >/dev/null
	commit husky
	printf 'repos:\n- repo: local\n  hooks:\n  - {id: x, name: x, entry: git --version, language: system, always_run: true}\n' >.pre-commit-config.yaml
	git add .pre-commit-config.yaml
	said=$(node_modules/@j178/prek-linux-x64-gnu/prek install 2>&1)
	echo "prek over husky: $(echo "$said" | grep -o 'Migration mode: prek will also run legacy hook')"
	commit 'prek over husky'
)
echo "$seen"
[ "$seen" = "$expected" ] || { cat log >&2; echo "changed; expected:" >&2; echo "$expected" >&2; exit 1; }
