// Keysweep-sweep finds leaked keys in many repositories, as keysweep does in one, on one
// machine or on many.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/urfave/cli/v2"

	"keysweep/command"
	"keysweep/quote"
	"keysweep/sweep/queue"
)

func main() { os.Exit(start(os.Args, os.Stdout, os.Stderr, time.Now)) }

// Options of keysweep scan that mean the same here.
var (
	// travelling say what is found: workers get them from the sweep.
	travelling = []string{
		"exclude", "ignored", "rules", "config", "no-config", "baseline", "accept-foreign-comments", "follow-alternates", "allow-share", "fetch-cloud-files",
		"ref", "forge", "max-pack", "no-archives", "max-unpacked", "verify-objects", "max-object", "min-confidence", "since", "author",
		"verify", "verify-issuer", "issuer", "endpoint", "verify-timeout", "verify-limit",
	}
	// local are those of each machine.
	local = []string{"token-env", "ca-file", "egress-log", "jobs"}
	// reporting are about the report on all.
	reporting = []string{"fail-on", "exit-code", "show-suppressed", "format", "output", "color", "quiet", "verbose", "timeout", "no-progress"}
)

var (
	sources = []cli.Flag{
		&cli.StringSliceFlag{Name: "repos", Usage: "scan the repositories that `FILE` lists, an address or a path a line; - is standard input; repeatable"},
		&cli.StringSliceFlag{Name: "github", Usage: "scan the repositories of the GitHub organisation or user `NAME`; repeatable"},
		&cli.StringSliceFlag{Name: "gitlab", Usage: "scan the repositories of the GitLab group or user `NAME` and its subgroups; repeatable"},
		&cli.StringSliceFlag{Name: "gitea", Usage: "scan the repositories of the Gitea or Forgejo organisation or user `NAME`; repeatable"},
		&cli.StringFlag{Name: "api", Usage: "ask the API at `URL`, of a host of your own"},
		&cli.BoolFlag{Name: "no-archived", Usage: "leave out archived repositories"},
		&cli.BoolFlag{Name: "no-forks", Usage: "leave out forks"},
		&cli.StringFlag{Name: "visibility", Usage: "only repositories that are `WHICH`, public or private"},
		&cli.StringFlag{Name: "pushed-since", Usage: "only repositories that changed since `DATE`, as 2026-01-31"},
	}
	stateFlag = &cli.StringFlag{Name: "state", Value: ".keysweep-sweep", Usage: "keep in `DIR` what is done, so that a sweep goes on where it stopped, and the next one reads only what changed"}
	natsFlags = []cli.Flag{
		&cli.StringFlag{Name: "nats", Usage: "keep it in NATS JetStream at `URL` instead, as tls://HOST; keysweep-sweep work then scans, on any number of machines"},
		&cli.StringFlag{Name: "nats-credentials", Usage: "connect with the user and key in `FILE`"},
	}
	cacheFlag = &cli.StringFlag{Name: "cache", Usage: "keep in `DIR` what is fetched, as bare repositories, and fetch only what is new"}
	atOnce    = &cli.IntFlag{Name: "at-once", Usage: "scan `N` repositories at once; as many as there are processors, up to 4, if not given", Action: func(_ *cli.Context, n int) error {
		if n < 1 {
			return errors.New("--at-once: it is at least 1")
		}
		return nil
	}}
)

// program is one run.
type program struct {
	stdout, stderr io.Writer
	now            func() time.Time
	// For tests. Zero: what package queue has.
	wait time.Duration
}

// start runs the program and returns its exit status.
func start(args []string, stdout, stderr io.Writer, now func() time.Time) int {
	private()
	return (&program{stdout: stdout, stderr: stderr, now: now}).run(args)
}

func (p *program) run(args []string) int {
	ctx, stop := command.WatchSignals(context.Background(), p.stderr)
	defer stop()
	err := p.app().RunContext(ctx, args)
	var end *ending
	switch {
	case err == nil:
		return command.StatusClean
	case errors.As(err, &end):
		if err = end.err; err == nil {
			return end.status
		}
	default:
		end = &ending{status: command.StatusUse}
	}
	p.say(err.Error())
	if status, ok := command.Interrupted(ctx); ok {
		return status
	}
	return end.status
}

// ending ends the program with a status. A nil err means that everything is said.
type ending struct {
	status int
	err    error
}

func (e *ending) Error() string { return fmt.Sprint("exit status ", e.status) }

// say writes a message to standard error, without keys and passwords.
func (p *program) say(words string) {
	fmt.Fprintln(p.stderr, "keysweep-sweep: "+quote.Message(quote.HideLogins(words)))
}

func (p *program) app() *cli.App {
	flags := func(lists ...[]cli.Flag) (all []cli.Flag) {
		for _, list := range lists {
			all = append(all, list...)
		}
		return all
	}
	words, _ := command.Build()
	cli.VersionFlag = &cli.BoolFlag{Name: "version", Usage: "print the version", DisableDefaultText: true} // -v is --verbose
	usage := func(_ *cli.Context, err error, _ bool) error { return err }
	return &cli.App{
		Name: "keysweep-sweep", Version: words, HideHelpCommand: true, DisableSliceFlagSeparator: true, Writer: p.stdout, ErrWriter: p.stderr,
		Usage: "finds leaked sk_live_ and sk_test_ secret keys in many repositories",
		Description: "Scans every repository that is named, whole, as keysweep scan does, and writes one report.\n" +
			"A sweep that was stopped goes on where it was when the same command is run again; the next\n" +
			"one scans only repositories that changed. Exit statuses are those of keysweep scan.",
		Flags: flags(sources, []cli.Flag{stateFlag, &cli.BoolFlag{Name: "restart", Usage: "begin anew, if the last sweep did not end"}}, natsFlags, []cli.Flag{cacheFlag, atOnce},
			command.Flags(travelling...), command.Flags(local...), command.Flags(reporting...)),
		Action: p.sweep, OnUsageError: usage, ExitErrHandler: func(*cli.Context, error) {},
		Commands: []*cli.Command{
			{Name: "work", Usage: "scans for a sweep that uses --nats, until it ends", OnUsageError: usage, Action: p.work,
				Flags: flags(natsFlags, []cli.Flag{cacheFlag, atOnce}, command.Flags(local...))},
			{Name: "status", Usage: "says how far a sweep is", OnUsageError: usage, Action: p.status,
				Flags: flags([]cli.Flag{stateFlag}, natsFlags, command.Flags("ca-file"))},
		},
	}
}

// noPaths returns an error if words are behind the options.
func noPaths(c *cli.Context) error {
	if c.Args().Present() {
		return fmt.Errorf("%s is neither a command nor an option (--repos FILE names repositories)", quote.Name(c.Args().First()))
	}
	return nil
}

// open opens what is kept.
func (p *program) open(c *cli.Context) (*queue.Queue, error) {
	o := queue.Options{State: c.String("state"), URL: c.String("nats"), Credentials: c.String("nats-credentials"), CAFile: c.String("ca-file"), Wait: p.wait, Say: p.say}
	if o.URL == "" && o.Credentials != "" {
		return nil, errors.New("--nats-credentials has no effect without --nats")
	}
	return queue.Open(c.Context, o)
}

// absolute returns args with the paths that they name from the root: workers may have another
// working directory.
func absolute(args []string) ([]string, error) {
	out := make([]string, len(args))
	for i, arg := range args {
		name, value, _ := strings.Cut(arg, "=")
		if out[i] = arg; strings.Contains(" --rules --config --baseline --ca-file --egress-log ", " "+name+" ") {
			path, err := filepath.Abs(value)
			if err != nil {
				return nil, err
			}
			out[i] = name + "=" + path
		}
	}
	return out, nil
}
