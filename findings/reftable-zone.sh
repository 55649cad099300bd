#!/bin/sh
# git 2.47.3 of Debian 13, run beside the system's (needs apt, dpkg and Python 3)
#
# The description of the reftable format (git's Documentation/technical/reftable) says of
# the time zone in a reflog record: "2-byte timezone offset in minutes", and "GMT-0800 is
# encoded in reftable as sint16(-480)". git itself writes the four digits as a decimal
# number, -800, and reads them so. A reader made by the description shows another zone
# for all but GMT and a few minutes around it.
#
# Seen, of a reflog record made with the zone -0800:
#   git log -g: -0800
#   in the table: sint16(-800)
set -eu
expected='git log -g: -0800
in the table: sint16(-800)'

dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
mkdir -p lists/partial cache/archives/partial
mirror=$(sed -n 's/^URIs: *\([^ ]*\).*/\1/p; s/^deb \(\[[^]]*\] \)\?\([^ ]*\).*/\2/p' /etc/apt/sources.list /etc/apt/sources.list.d/* 2>/dev/null | grep -v security | head -1)
echo "deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] $mirror trixie main" >sources.list
apt() {
	apt-get -q -o Dir::Etc::sourcelist="$dir/sources.list" -o Dir::Etc::sourceparts=- -o Dir::State::lists="$dir/lists" \
		-o Dir::Cache="$dir/cache" -o APT::Sandbox::User=root "$@"
}
{
	apt update && apt download 'git=1:2.47.3*' libc6 libpcre2-8-0 zlib1g &&
		for deb in *.deb; do dpkg-deb -x "$deb" root; done
} >install.log 2>&1 || { cat install.log >&2; exit 2; }
loader=$(find root -name 'ld-linux*.so.*' | head -1)
libraries=$dir/$(dirname "$(find root -name 'libz.so.1' | head -1)")
git() {
	env -i GIT_CONFIG_NOSYSTEM=1 HOME="$dir" TZ=UTC GIT_AUTHOR_NAME=A GIT_AUTHOR_EMAIL=a@example.org \
		GIT_COMMITTER_NAME=A GIT_COMMITTER_EMAIL=a@example.org GIT_COMMITTER_DATE='1700000000 -0800' \
		"$dir/$loader" --library-path "$libraries" "$dir/root/usr/bin/git" "$@"
}
git version
git init -q --ref-format=reftable -b main repository
cd repository
git update-ref -m message HEAD "$(git commit-tree -m message "$(git mktree </dev/null)")"

cat >../zone.py <<'EOF2'
import glob, struct, zlib

for path in glob.glob(".git/reftable/*.ref"):
    table = open(path, "rb").read()
    for at in range(24, len(table) - 4):
        if table[at:at + 1] != b"g":  # a log block: its type, its length, and it deflated
            continue
        try:
            block = zlib.decompressobj().decompress(table[at + 4:])
        except zlib.error:
            continue
        end = block.find(b"a@example.org") + len(b"a@example.org")
        while block[end] & 0x80:  # the seconds, a varint
            end += 1
        print("sint16(%d)" % struct.unpack_from(">h", block, end + 1))
EOF2
seen=$(
	echo "git log -g: $(git log -g -1 --date=format:%z --format=%gd | sed 's/.*{\(.*\)}/\1/')"
	echo "in the table: $(python3 ../zone.py)"
)
echo "$seen"
[ "$seen" = "$expected" ] || { echo "changed; expected:" >&2; echo "$expected" >&2; exit 1; }
