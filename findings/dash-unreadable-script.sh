#!/bin/sh
# dash 0.5.12-2 and bash 5.2.15 of Debian 12 (needs apt and dpkg)
#
# A script that dash can open and not read (a disk error; here a folder, which read(2)
# refuses) counts as an empty one: nothing is run, nothing is printed, and the status
# is 0. A git hook with "#!/bin/sh" on a failing disk lets everything through. bash
# says what is wrong and ends with 126.
#
# Seen:
#   dash: status 0, said ""
#   bash: status 126, said "is a directory"
set -eu
expected='dash: status 0, said ""
bash: status 126, said "is a directory"'

dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
{ apt-get download dash=0.5.12-2 bash=5.2.15-2+b13 && for deb in *.deb; do dpkg -x "$deb" root; done; } >install.log 2>&1 || { cat install.log >&2; exit 2; }
mkdir script
seen=$(
	for shell in dash bash; do
		status=0
		"root/bin/$shell" script >said 2>&1 || status=$?
		echo "$shell: status $status, said \"$(sed 's/.*: //' said | tr I i)\""
	done
)
echo "$seen"
[ "$seen" = "$expected" ] || { echo "changed; expected:" >&2; echo "$expected" >&2; exit 1; }
