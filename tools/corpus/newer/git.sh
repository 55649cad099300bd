#!/bin/bash
# Unpacks a git that knows reftables, of a newer Debian, into the folder $1, and writes
# $1/git, which runs it beside the system's: with the libraries it was built for. Needs
# apt, and a mirror that has the suite.
set -eu
mkdir -p "$1"
top=$(cd "$1" && pwd)
. "$(dirname "$0")/unpack.sh"
unpack "$top" sid git=1:2.55.0-1 libc6=2.43-7 libpcre2-8-0=10.49-1 zlib1g=1:1.3.dfsg+really1.3.2-4
mkdir -p "$top/exec"

cat >"$top/git" <<END
#!/bin/sh
GIT_EXEC_PATH=$top/exec exec $loader --library-path $libraries --argv0 git $top/root/usr/bin/git "\$@"
END
chmod 755 "$top/git"
# What git starts is the same program, and needs the same libraries.
for command in "$top"/root/usr/lib/git-core/*; do
	name=$(basename "$command")
	if [ "$(readlink -f "$command")" = "$(readlink -f "$top/root/usr/bin/git")" ] || cmp -s "$command" "$top/root/usr/bin/git"; then
		printf '#!/bin/sh\nGIT_EXEC_PATH=%s exec %s --library-path %s --argv0 %s %s "$@"\n' "$top/exec" "$loader" "$libraries" "$name" "$top/root/usr/bin/git" >"$top/exec/$name"
		chmod 755 "$top/exec/$name"
	else
		ln -sf "$command" "$top/exec/$name"
	fi
done
"$top/git" version
