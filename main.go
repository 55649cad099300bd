// Keysweep finds leaked sk_live_ and sk_test_ secret keys in working trees and
// in the whole history of git repositories.
//
// This package connects the program with its process: the standard streams, the
// clock, signals and the exit status. What a command line means is in command.
package main

import (
	"context"
	"errors"
	"io"
	"os"
	"time"

	"keysweep/command"
)

func main() { os.Exit(start(time.Now)) }

// closed is a standard input that was closed when the process started. The runtime
// puts a device in its place, so that no file gets its number: an empty input.
type closed struct{}

func (closed) Read([]byte) (int, error) { return 0, errors.New("it is closed") }

func stdin() io.Reader {
	if isReplaced(0) {
		return closed{}
	}
	return os.Stdin
}

// start runs the program by a clock: main alone has it from the system.
func start(now func() time.Time) int {
	return command.Run(context.Background(), os.Args[1:], command.Process{
		Stdin: stdin(), Stdout: os.Stdout, Stderr: os.Stderr, Now: now, Signals: command.WatchSignals,
	})
}
