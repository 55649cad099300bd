#!/bin/sh
# github.com/go-git/go-git/v5 5.19.3 (needs Go)
#
# The git and ssh transports return a session that is not nil beside an error: a nil
# pointer in an interface. Code that closes what is not nil, as of a connection that was
# opened and then failed, calls a method of a nil pointer. The http transport returns a
# session beside an error, too.
#
# Seen, for a server that refuses connections:
#   error: true, session is nil: false, *common.session is nil: true
set -eu
expected='error: true, session is nil: false, *common.session is nil: true'

dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
cat >main.go <<'END'
package main

import (
	"fmt"
	"net"
	"reflect"

	"github.com/go-git/go-git/v5/plumbing/transport"
	"github.com/go-git/go-git/v5/plumbing/transport/git"
)

func main() {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		panic(err)
	}
	port := l.Addr().(*net.TCPAddr).Port
	l.Close()
	session, err := git.DefaultClient.NewUploadPackSession(&transport.Endpoint{Protocol: "git", Host: "127.0.0.1", Port: port, Path: "/x"}, nil)
	fmt.Printf("error: %t, session is nil: %t, %T is nil: %t\n", err != nil, session == nil, session, reflect.ValueOf(session).IsNil())
}
END
{ go mod init example && go get github.com/go-git/go-git/v5/plumbing/transport/git@v5.19.3; } >install.log 2>&1 || { cat install.log >&2; exit 2; }
seen=$(go run .)
printf '%s\n' "$seen"
[ "$seen" = "$expected" ] || { echo "changed; expected:" >&2; printf '%s\n' "$expected" >&2; exit 1; }
