// Keysweep finds leaked sk_live_ and sk_test_ secret keys in working trees and
// in the whole history of git repositories.
//
// This package connects the program with its process: the standard streams, the
// clock, signals and the exit status. What a command line means is in command.
package main

import (
	"context"
	"io"
	"log"
	"os"
	"time"

	"keysweep/command"
)

func main() { os.Exit(start(time.Now)) }

// stdin returns standard input. If it was closed when the process started, the
// runtime has opened a device, so that no file gets its number. That would be an
// empty input: the one that is returned cannot be read.
func stdin() *os.File {
	if isReplaced(0) {
		if f, err := os.Open(os.DevNull); err == nil && f.Close() == nil {
			return f
		}
	}
	return os.Stdin
}

// start runs the program by a clock: main alone has it from the system.
func start(now func() time.Time) int {
	log.SetOutput(io.Discard) // net/http logs bytes that a server sent unasked
	return command.Run(context.Background(), os.Args[1:], command.Process{
		Stdin: stdin(), Stdout: os.Stdout, Stderr: os.Stderr, Now: now, Signals: command.WatchSignals,
	})
}
