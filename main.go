// Keysweep finds leaked sk_live_ and sk_test_ secret keys in working trees and
// in the whole history of git repositories.
//
// This package knows flags, signals and exit statuses. What a key looks like is
// in rules, where to look in scanner, how to say it in report.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"keysweep/quote"
	"os"
	"runtime"
	"strings"
	"time"
)

func main() { os.Exit(start(time.Now)) }

// start runs the program by a clock: the one place that has it from the system
// is main.
func start(now func() time.Time) int {
	ctx, stop := watchSignals(context.Background(), os.Stderr)
	defer stop()
	return run(ctx, os.Args[1:], os.Stdin, os.Stdout, os.Stderr, now)
}

// run does what args ask for and returns the exit status. Whatever there is to
// say about it has been written to stdout and stderr.
func run(ctx context.Context, args []string, stdin io.Reader, stdout, stderr io.Writer, now func() time.Time) (status int) {
	defer func() {
		if v := recover(); v != nil {
			fmt.Fprintln(stderr, crash(v))
			status = statusUse
		}
	}()
	app := newApp(stdin, stdout, stderr, now)
	args, err := arrange(app, args)
	if err == nil {
		err = runCommand(ctx, app, args)
	}
	var end *ending
	switch {
	case err == nil:
		return statusClean
	case errors.Is(err, errClosedPipe):
		return statusPipe
	case errors.As(err, &end):
		status, err = end.status, end.err
	default:
		status = statusUse
	}
	if err != nil {
		fmt.Fprintf(stderr, "keysweep: %s\n", quote.Message(err.Error()))
	}
	return status
}

// ending ends run with a status. A nil err means that everything is said.
type ending struct {
	status int
	err    error
}

func (e *ending) Error() string {
	if e.err == nil {
		return fmt.Sprintf("exit status %d", e.status)
	}
	return e.err.Error()
}

// errClosedPipe says that whoever read standard output has gone, as head(1)
// does when it has seen enough. It is nobody's fault: nothing is printed.
var errClosedPipe = errors.New("standard output is a closed pipe")

// crash describes a panic by the type of its value and where it happened. The
// value itself is left out: it may hold bytes of what was scanned.
func crash(v any) string {
	pc := make([]uintptr, 64)
	frames := runtime.CallersFrames(pc[:runtime.Callers(2, pc)])
	var where []string
	for panicking := false; ; {
		f, more := frames.Next()
		switch {
		case strings.HasPrefix(f.Function, "runtime."):
			panicking = true
		case panicking:
			where = append(where, fmt.Sprintf("  %s line %d", f.Function, f.Line))
		}
		if !more || len(where) == 8 {
			break
		}
	}
	return fmt.Sprintf("keysweep: internal error (%T), the scan was not finished; please report it with these lines:\n%s",
		v, strings.Join(where, "\n"))
}
