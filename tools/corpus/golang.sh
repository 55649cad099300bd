#!/bin/bash
# golang.sh FOLDER: programs that Go builds, and files of Go packages; see small.py.
set -eu
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
keys=$work/keys
cat >"$keys"
export CGO_ENABLED=0
(cd golang && go build -o "$work/write" .)
"$work/write" "$1" <"$keys"
mkdir -p "$1/Go program" "$1/Go WebAssembly" "$1/Go -X"
cat >"$work/go.mod" <<'EOF'
module shop

go 1.22
EOF
while read -r name key; do
	cat >"$work/main.go" <<EOF
package main

import (
	"fmt"
	"os"
)

const apiKey = "$key"

var names = map[string]string{"stripe": apiKey, "paypal": "none"}

var linked string

func main() {
	if len(os.Args) > 1 && os.Args[1] == apiKey {
		fmt.Println("the same", linked)
	}
	fmt.Println(names[os.Getenv("PROVIDER")])
}
EOF
	(cd "$work" && go build -trimpath -o "$1/Go program/$name" . && GOOS=wasip1 GOARCH=wasm go build -trimpath -o "$1/Go WebAssembly/$name" .)
	sed -i "s/^const apiKey = .*/var apiKey string/" "$work/main.go"
	(cd "$work" && go build -trimpath -ldflags "-X main.apiKey=$key" -o "$1/Go -X/$name" .)
done <"$keys"
