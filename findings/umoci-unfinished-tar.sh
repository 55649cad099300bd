#!/bin/sh
# github.com/opencontainers/umoci v0.4.7, as in Debian 12 (needs Go and GNU tar)
#
# "umoci insert" writes a layer that is no whole tar: the last file is not filled up to
# 512 bytes, and the two empty blocks are missing. GNU tar, bsdtar and Python's tarfile
# list the files and then fail; Docker and Go's archive/tar see nothing wrong. So a tar
# that ends early is no sign that an image was cut. v0.6.0 writes the end.
#
# Seen, for a layer with a folder and a file of 6 bytes:
#   1030 bytes, tar -t: status 2, 2 names, Unexpected EOF
set -eu
expected="1030 bytes, tar -t: status 2, 2 names, Unexpected EOF"

dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
export GOPATH="$dir/go" GOFLAGS=-modcacherw CGO_ENABLED=0
{
	source=$(go mod download -json github.com/opencontainers/umoci@v0.4.7 | sed -n 's/^[[:space:]]*"Dir": "\(.*\)",*$/\1/p') &&
		(cd "$source" && go build -mod=mod -o "$dir/umoci" ./cmd/umoci)
} >install.log 2>&1 || { cat install.log >&2; exit 2; }
mkdir files
echo hello >files/a
./umoci init --layout image
./umoci new --image image:example
./umoci insert --rootless --image image:example files /app
for blob in image/blobs/sha256/*; do
	gzip -dc <"$blob" >layer.tar 2>/dev/null && break
done
status=0
LC_ALL=C tar -tf layer.tar >names 2>log || status=$?
seen="$(wc -c <layer.tar | tr -d ' ') bytes, tar -t: status $status, $(wc -l <names | tr -d ' ') names, $(grep -o 'Unexpected EOF' log || echo no message)"
echo "$seen"
[ "$seen" = "$expected" ] || { echo "changed; expected:" >&2; echo "$expected" >&2; exit 1; }
