package command

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"
	"time"
)

// grace is how long a scan has, after a signal, to report what it knows. With
// it a process ends within a second of the signal.
const grace = 950 * time.Millisecond

// interruption is the cause of a context that a signal ended.
type interruption struct{ sig syscall.Signal }

func (i interruption) Error() string { return "signal: " + i.sig.String() }

// status returns the exit status of a process that the signal ended.
func (i interruption) status() int { return StatusSignal + int(i.sig) }

// Interrupted returns the exit status of a process whose context of WatchSignals a signal
// ended, and false if none did.
func Interrupted(ctx context.Context) (status int, ok bool) {
	i, ok := context.Cause(ctx).(interruption)
	if ok {
		status = i.status()
	}
	return status, ok
}

// WatchSignals returns a context that ends with the first HUP, INT, PIPE or
// TERM, whose cause is an interruption. After it the process exits when grace
// is over, or at once on a second signal. stop ends the watch.
//
// A write to a standard output without a reader sends PIPE too; a PIPE after
// another signal changes nothing, since the report goes on to its files, nor does one of a
// connection that a server closed.
func WatchSignals(parent context.Context, stderr io.Writer) (ctx context.Context, stop func()) {
	ctx, cancel := context.WithCancelCause(parent)
	watched := []os.Signal{syscall.SIGINT, syscall.SIGPIPE, syscall.SIGTERM}
	if !signal.Ignored(syscall.SIGHUP) { // nohup(1) asks to live on
		watched = append(watched, syscall.SIGHUP)
	}
	signals := make(chan os.Signal, 4)
	signal.Notify(signals, watched...)
	done := make(chan struct{})
	go func() {
		var first *interruption
		var over <-chan time.Time
		for {
			select {
			case <-done:
				return
			case <-over:
				fmt.Fprintln(stderr, "\nkeysweep: stopped before everything was reported")
				os.Exit(first.status())
			case s := <-signals:
				sig, _ := s.(syscall.Signal)
				if sig == syscall.SIGPIPE && outputsAreRead() {
					continue
				}
				if first == nil {
					first = &interruption{sig}
					over = time.After(grace)
					cancel(*first)
				} else if sig != syscall.SIGPIPE {
					os.Exit(first.status())
				}
			}
		}
	}()
	return ctx, func() {
		signal.Stop(signals)
		close(done)
		cancel(nil)
	}
}
