#!/bin/sh
# github.com/nats-io/nats-server/v2 2.15.3, nats.go 1.55.0 (needs Go)
#
# A stream that discards new messages refuses a message of a subject that has one, or one
# too many for the stream, with code 503 and error 10077: the numbers of a store that
# failed. Only the words say which. A program that tries again at 503, since the server is
# busy, tries for ever to publish what the stream has already.
#
# Seen, for the second message of a subject, and for the second of a stream:
#   max 1 of a subject: code 503, error 10077, maximum messages per subject exceeded
#   max 1 of the stream: code 503, error 10077, maximum messages exceeded
set -eu
expected='max 1 of a subject: code 503, error 10077, maximum messages per subject exceeded
max 1 of the stream: code 503, error 10077, maximum messages exceeded'

dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
cat >main.go <<'END2'
package main

import (
	"context"
	"errors"
	"fmt"
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

func main() {
	s, err := server.NewServer(&server.Options{DontListen: true, JetStream: true, StoreDir: "store", NoLog: true, NoSigs: true})
	check(err)
	s.Start()
	s.ReadyForConnections(time.Minute)
	nc, err := nats.Connect("", nats.InProcessServer(s))
	check(err)
	js, err := jetstream.New(nc)
	check(err)
	ctx := context.Background()
	for name, config := range map[string]jetstream.StreamConfig{
		"max 1 of a subject":  {Name: "A", MaxMsgsPerSubject: 1, DiscardNewPerSubject: true},
		"max 1 of the stream": {Name: "B", MaxMsgs: 1},
	} {
		config.Subjects, config.Discard = []string{config.Name + ".>"}, jetstream.DiscardNew
		_, err := js.CreateStream(ctx, config)
		check(err)
		_, err = js.Publish(ctx, config.Name+".x", nil)
		check(err)
		_, err = js.Publish(ctx, config.Name+".x", nil)
		var refused *jetstream.APIError
		if !errors.As(err, &refused) {
			panic(err)
		}
		fmt.Printf("%s: code %d, error %d, %s\n", name, refused.Code, refused.ErrorCode, refused.Description)
	}
	nc.Close()
	s.Shutdown()
}
END2
{ go mod init example && go get github.com/nats-io/nats-server/v2/server@v2.15.3 github.com/nats-io/nats.go@v1.55.0; } >install.log 2>&1 || { cat install.log >&2; exit 2; }
seen=$(CGO_ENABLED=0 go run -trimpath . | sort)
printf '%s\n' "$seen"
[ "$seen" = "$expected" ] || { echo "changed; expected:" >&2; printf '%s\n' "$expected" >&2; exit 1; }
