#!/bin/sh
# github.com/go-git/go-git/v5 5.19.3 (needs Go)
#
# sideband.Demuxer is no io.Reader as others are. Read waits until the caller's whole
# buffer is full, however many packets that takes, so what a server has sent already is
# not seen while it pauses. And a packet, of up to 64 kB, is handed out when all of it
# came: if the connection ends within one, none of its bytes are returned.
#
# Seen, for packets of the pack with two bytes each, and for one of 1,000 bytes of which
# 600 came:
#   one Read with a buffer of 8 bytes returned 8 bytes of 4 packets
#   600 of 1000 bytes came, 0 were returned, unexpected EOF
set -eu
expected='one Read with a buffer of 8 bytes returned 8 bytes of 4 packets
600 of 1000 bytes came, 0 were returned, unexpected EOF'

dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
cat >main.go <<'END2'
package main

import (
	"fmt"
	"io"
	"strings"

	"github.com/go-git/go-git/v5/plumbing/protocol/packp/sideband"
)

func packet(text string) string { return fmt.Sprintf("%04x\x01%s", len(text)+5, text) }

func main() {
	packets := strings.NewReader(strings.Repeat(packet("ab"), 6) + "0000")
	size := packets.Len()
	b := make([]byte, 8)
	n, err := sideband.NewDemuxer(sideband.Sideband64k, packets).Read(b)
	if err != nil {
		panic(err)
	}
	fmt.Println("one Read with a buffer of", len(b), "bytes returned", n, "bytes of", (size-packets.Len())/len(packet("ab")), "packets")

	cut := packet(strings.Repeat("x", 1000))[:605]
	got, err := io.ReadAll(sideband.NewDemuxer(sideband.Sideband64k, strings.NewReader(cut)))
	fmt.Printf("600 of 1000 bytes came, %d were returned, %v\n", len(got), err)
}
END2
{ go mod init example && go get github.com/go-git/go-git/v5/plumbing/protocol/packp/sideband@v5.19.3; } >install.log 2>&1 || { cat install.log >&2; exit 2; }
seen=$(go run .)
printf '%s\n' "$seen"
[ "$seen" = "$expected" ] || { echo "changed; expected:" >&2; printf '%s\n' "$expected" >&2; exit 1; }
