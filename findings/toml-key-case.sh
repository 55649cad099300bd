#!/bin/sh
# github.com/BurntSushi/toml v1.6.0 (needs Go)
#
# TOML's keys are case-sensitive: path and PATH are two keys. Decoding into a struct
# puts both into the same field. There is no error, MetaData.Undecoded lists
# neither, and the order of a Go map decides which value wins, so that one file
# means different things from run to run.
#
# Seen, decoding the same two lines 200 times:
#   values seen: 2
#   errors: 0
#   undecoded keys: 0
set -eu
expected='values seen: 2
errors: 0
undecoded keys: 0'

dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
cat >main.go <<'END'
package main

import (
	"fmt"

	"github.com/BurntSushi/toml"
)

func main() {
	values, failed, undecoded := map[string]bool{}, 0, 0
	for range 200 {
		var config struct {
			Path string `toml:"path"`
		}
		meta, err := toml.Decode("path = \"first\"\nPATH = \"second\"\n", &config)
		if err != nil {
			failed++
		}
		undecoded += len(meta.Undecoded())
		values[config.Path] = true
	}
	fmt.Printf("values seen: %d\nerrors: %d\nundecoded keys: %d\n", len(values), failed, undecoded)
}
END
export GOPATH="$dir/go" GOFLAGS=-modcacherw GO111MODULE=on
{ go mod init example && go get github.com/BurntSushi/toml@v1.6.0; } >install.log 2>&1 || { cat install.log >&2; exit 2; }
seen=$(go run .)
echo "$seen"
[ "$seen" = "$expected" ] || { echo "changed; expected:" >&2; echo "$expected" >&2; exit 1; }
