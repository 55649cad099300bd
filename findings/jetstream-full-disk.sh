#!/bin/sh
# github.com/nats-io/nats-server/v2 2.15.3, nats.go 1.55.0 (needs Go, on Linux)
#
# A stream whose disk is full refuses nothing: the message that found no room is not
# answered, and none after it is, not even when there is room again. Its reads go on, and so
# do other streams. Only a start of the server ends it. A program that takes a missing answer
# for a server that is away, and waits for it, waits for ever.
#
# The disk is played by a limit on the size of files. Seen:
#   with room: ok
#   too large: context deadline exceeded
#   small: context deadline exceeded
#   another stream: ok
#   with room again: context deadline exceeded
#   read: ok
#   after a restart: ok
set -eu
expected='with room: ok
too large: context deadline exceeded
small: context deadline exceeded
another stream: ok
with room again: context deadline exceeded
read: ok
after a restart: ok'

dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
cat >main.go <<'END2'
package main

import (
	"context"
	"fmt"
	"os/signal"
	"syscall"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

func check(err error) {
	if err != nil {
		panic(err)
	}
}

func start() (*server.Server, jetstream.JetStream) {
	s, err := server.NewServer(&server.Options{DontListen: true, JetStream: true, StoreDir: "store", NoLog: true, NoSigs: true})
	check(err)
	s.Start()
	s.ReadyForConnections(time.Minute)
	nc, err := nats.Connect("", nats.InProcessServer(s))
	check(err)
	js, err := jetstream.New(nc)
	check(err)
	return s, js
}

func main() {
	ctx := context.Background()
	s, js := start()
	for _, name := range []string{"A", "B"} {
		_, err := js.CreateStream(ctx, jetstream.StreamConfig{Name: name, Subjects: []string{name + ".>"}})
		check(err)
	}
	say := func(what string, err error) {
		if err == nil {
			fmt.Printf("%s: ok\n", what)
		} else {
			fmt.Printf("%s: %v\n", what, err)
		}
	}
	publish := func(what, subject string, bytes int) {
		_, err := js.Publish(ctx, subject, make([]byte, bytes))
		say(what, err)
	}
	publish("with room", "A.x", 3000)
	signal.Ignore(syscall.SIGXFSZ)
	var old syscall.Rlimit
	check(syscall.Getrlimit(syscall.RLIMIT_FSIZE, &old))
	check(syscall.Setrlimit(syscall.RLIMIT_FSIZE, &syscall.Rlimit{Cur: 5000, Max: old.Max}))
	publish("too large", "A.x", 3000)
	publish("small", "A.x", 10)
	publish("another stream", "B.x", 10)
	check(syscall.Setrlimit(syscall.RLIMIT_FSIZE, &old))
	publish("with room again", "A.x", 10)
	a, err := js.Stream(ctx, "A")
	check(err)
	_, err = a.GetMsg(ctx, 1)
	say("read", err)
	js.Conn().Close()
	s.Shutdown()
	s.WaitForShutdown()
	s, js = start()
	publish("after a restart", "A.x", 3000)
	js.Conn().Close()
	s.Shutdown()
}
END2
{ go mod init example && go get github.com/nats-io/nats-server/v2/server@v2.15.3 github.com/nats-io/nats.go@v1.55.0; } >install.log 2>&1 || { cat install.log >&2; exit 2; }
seen=$(CGO_ENABLED=0 go run -trimpath .)
printf '%s\n' "$seen"
[ "$seen" = "$expected" ] || { echo "changed; expected:" >&2; printf '%s\n' "$expected" >&2; exit 1; }
