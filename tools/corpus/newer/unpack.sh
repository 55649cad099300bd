# Unpacks packages of a newer Debian beside the system: unpack FOLDER SUITE PACKAGE...
# $loader runs their programs, with their libraries in $libraries.
unpack() {
	local top=$1 suite=$2 mirror
	shift 2
	mirror=$(sed -n 's/^URIs: *\([^ ]*\).*/\1/p; s/^deb \(\[[^]]*\] \)\?\([^ ]*\).*/\2/p' /etc/apt/sources.list /etc/apt/sources.list.d/* 2>/dev/null | grep -v security | head -1)
	mkdir -p "$top/lists/partial" "$top/cache/archives/partial" "$top/root"
	echo "deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] $mirror $suite main" >"$top/sources.list"
	apt() {
		apt-get -q -o Dir::Etc::sourcelist="$top/sources.list" -o Dir::Etc::sourceparts=- -o Dir::State::lists="$top/lists" \
			-o Dir::Cache="$top/cache" -o APT::Sandbox::User=root -o APT::Get::List-Cleanup=0 "$@"
	}
	apt update
	cd "$top/cache"
	apt download "$@" || {
		echo "not in the pinned versions: $*" >&2
		apt download "${@%%=*}"
	}
	for deb in *.deb; do dpkg-deb -x "$deb" "$top/root"; done
	rm -f ./*.deb
	loader=$(find "$top/root" -name 'ld-linux*.so.*' | head -1)
	libraries=$(dirname "$(find "$top/root" -name 'libz.so.1' | head -1)")
}
