#!/bin/sh
# dash 0.5.12-2 of Debian 12 (needs apt and dpkg)
#
# A Docker action on GitHub gets its input "fail-on" as the variable INPUT_FAIL-ON. No
# shell can expand a name with a hyphen, but dash, the sh of Debian and Ubuntu, also
# removes it from the environment: a program started by an entry point with
# "#!/bin/sh" does not see the input and takes its default.
#
# Seen, for "env" with INPUT_FAIL-ON=active and INPUT_FORMAT=json:
#   started directly: INPUT_FAIL-ON=active INPUT_FORMAT=json
#   started by dash: INPUT_FORMAT=json
set -eu
expected='started directly: INPUT_FAIL-ON=active INPUT_FORMAT=json
started by dash: INPUT_FORMAT=json'

dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
{ apt-get download dash=0.5.12-2 && dpkg -x dash_*.deb root; } >install.log 2>&1 || { cat install.log >&2; exit 2; }
inputs() {
	env -i PATH="$PATH" INPUT_FAIL-ON=active INPUT_FORMAT=json "$@" | grep ^INPUT_ | sort | paste -s -d ' ' -
}
seen=$(
	echo "started directly: $(inputs env)"
	echo "started by dash: $(inputs root/bin/dash -c env)"
)
echo "$seen"
[ "$seen" = "$expected" ] || { echo "changed; expected:" >&2; echo "$expected" >&2; exit 1; }
