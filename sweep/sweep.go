package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/gofrs/flock"
	"github.com/urfave/cli/v2"

	"keysweep/command"
	"keysweep/finding"
	"keysweep/quote"
	"keysweep/remote"
	"keysweep/report"
	"keysweep/rules"
	"keysweep/sweep/list"
	"keysweep/sweep/queue"
	"keysweep/sweep/record"
)

// sweep is the coordinator: it says what is to be done, waits until it is, and reports.
type sweep struct {
	*program
	q       *queue.Queue
	kept    *queue.Sweep
	scan    *command.Scan
	set     *rules.Set
	repos   []list.Repository // in the order in which they are scanned
	folders []string          // that get a SARIF file for each repository
	objects map[string]bool   // that results refer to
	same    int               // repositories that did not change since the sweep before

	mu      sync.Mutex
	waiting map[string]int // guarded by mu; those of repos without a result, by their ID
	changed chan struct{}
}

// sweep is the command that has no name.
func (p *program) sweep(c *cli.Context) (err error) {
	if err := noPaths(c); err != nil {
		return err
	}
	s := &sweep{program: p, changed: make(chan struct{}, 1), objects: map[string]bool{}}
	args, err := s.parse(c)
	if err == nil && c.String("cache") != "" && c.String("nats") != "" {
		err = errors.New("--cache has no effect with --nats: it is an option of keysweep-sweep work")
	}
	if err != nil {
		return err
	}
	if s.repos, err = p.list(c); err != nil {
		return err
	}
	w := &worker{now: s.now}
	if c.String("nats") == "" {
		unlock, err := lock("--state", c.String("state"))
		if err != nil {
			return err
		}
		defer unlock()
		if unlock, err = w.lockCache(c); err != nil {
			return err
		}
		defer unlock()
	}
	if s.q, err = p.open(c); err != nil {
		return err
	}
	defer s.q.Close()
	ctx, cancel := s.scan.Limit(c.Context)
	defer cancel()
	if err := s.begin(ctx, args, c.Bool("restart")); err != nil {
		if ctx.Err() != nil && s.waiting != nil {
			return s.finish(ctx, c) // it reports what is known
		}
		return err
	}
	w.q, w.sweep = s.q, s.kept
	if w.local, err = absolute(command.Typed(c, local...)); err != nil {
		return err
	}
	if c.String("nats") == "" {
		ctx, end := s.work(ctx, w, workers(c))
		defer end()
		return s.finish(ctx, c)
	}
	return s.finish(ctx, c)
}

// workers returns how many repositories are scanned at once.
func workers(c *cli.Context) int {
	if n := c.Int("at-once"); n > 0 {
		return n
	}
	return min(runtime.GOMAXPROCS(0), 4)
}

// parse reads the options, and returns what workers get.
func (s *sweep) parse(c *cli.Context) (args []string, err error) {
	for _, output := range c.StringSlice("output") {
		if strings.HasSuffix(output, "/") || strings.HasSuffix(output, string(filepath.Separator)) {
			s.folders = append(s.folders, output)
		}
	}
	reports := slices.DeleteFunc(command.Typed(c, reporting...), func(arg string) bool {
		return optionName(arg) == "output" && slices.Contains(s.folders, strings.TrimPrefix(arg, "--output="))
	})
	if args, err = absolute(command.Typed(c, travelling...)); err != nil {
		return nil, err
	}
	now := s.now()
	p := command.Process{Stdin: strings.NewReader(""), Stdout: s.stdout, Stderr: s.stderr, Now: func() time.Time { return now }}
	if s.scan, err = parse(c.Context, slices.Concat(args, command.Typed(c, local...), reports), "", "", p); err != nil {
		return nil, err
	}
	s.set, err = setOf(s.scan)
	return args, err
}

// list returns the repositories to scan.
func (p *program) list(c *cli.Context) ([]list.Repository, error) {
	o := list.Options{
		Files: c.StringSlice("repos"), Stdin: os.Stdin, GitHub: c.StringSlice("github"), GitLab: c.StringSlice("gitlab"), Gitea: c.StringSlice("gitea"),
		API: c.String("api"), CAFile: c.String("ca-file"), TokenEnv: c.StringSlice("token-env"),
		NoArchived: c.Bool("no-archived"), NoForks: c.Bool("no-forks"), Visibility: c.String("visibility"), Say: p.say, Now: p.now,
	}
	if since := c.String("pushed-since"); since != "" {
		var err error
		if o.PushedSince, err = time.Parse(time.DateOnly, since); err != nil {
			return nil, fmt.Errorf("--pushed-since: %s is not a date, as 2026-01-31", quote.Name(since))
		}
	}
	repos, err := list.List(c.Context, o)
	if err == nil && len(repos) == 0 {
		err = errors.New("there is no repository to scan")
	}
	return repos, err
}

var errRuns = errors.New("another keysweep-sweep runs with")

// lock has a folder, the value of an option, be this process's alone.
func lock(option, dir string) (unlock func(), err error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("%s: %w", option, err)
	}
	l := flock.New(filepath.Join(dir, "lock"), flock.SetPermissions(0o600))
	switch got, err := l.TryLock(); {
	case err != nil:
		return nil, fmt.Errorf("%s: %w", option, err)
	case !got:
		return nil, fmt.Errorf("%s: %w %s", option, errRuns, quote.Name(dir))
	}
	return func() { _ = l.Unlock() }, nil
}

// lockCache has w use the folder of --cache, and no other process.
func (w *worker) lockCache(c *cli.Context) (unlock func(), err error) {
	if c.String("cache") == "" {
		return func() {}, nil
	}
	if w.cache, err = filepath.Abs(c.String("cache")); err != nil {
		return nil, fmt.Errorf("--cache: %w", err)
	}
	return lock("--cache", w.cache)
}

// begin begins a sweep, or goes on with the last one if that did not end.
func (s *sweep) begin(ctx context.Context, args []string, restart bool) error {
	old, err := s.q.Sweep(ctx)
	if err != nil {
		return err
	}
	n := &queue.Sweep{ID: queue.NewID(), Args: args, Started: s.now(), Total: len(s.repos)}
	if n.Program, err = identity(s.set); err != nil {
		return err
	}
	if n.Files, err = hashes(args); err != nil {
		return err
	}
	if n.Dir, err = os.Getwd(); err != nil {
		return err
	}
	goesOn := false
	switch {
	case old == nil:
	case old.Done:
		n.Before = old.ID
	case restart:
		n.Before = old.Before
		if err := s.q.Forget(ctx, old.ID, nil); err != nil {
			return err
		}
	case old.Program != n.Program || old.Dir != n.Dir || !slices.Equal(old.Args, n.Args) || !maps.Equal(old.Files, n.Files):
		return fmt.Errorf("the sweep of %s did not end, and had other options or another program: --restart gives it up", old.Started.UTC().Format(time.DateTime))
	default:
		goesOn = true
		old.Total = n.Total
		n = old
	}
	s.kept = n
	if err := s.q.Keep(ctx, n, !goesOn); err != nil {
		return err
	}
	s.waiting = map[string]int{}
	for i, r := range s.repos {
		if r.Refused == "" {
			s.waiting[queue.ID(r.Name)] = i
		}
	}
	if err := s.q.Watch(ctx, n.ID, s.hasResult); err != nil {
		return err
	}
	if done := len(s.repos) - len(s.left()); goesOn {
		s.say(fmt.Sprintf("going on with the sweep of %s: %d of %d repositories are done", n.Started.UTC().Format(time.DateTime), done, len(s.repos)))
	}
	return s.publish(ctx)
}

// hasResult notes that a repository is done.
func (s *sweep) hasResult(id string) {
	s.mu.Lock()
	delete(s.waiting, id)
	s.mu.Unlock()
	select {
	case s.changed <- struct{}{}:
	default:
	}
}

// left returns which of repos have no result, in their order.
func (s *sweep) left() []int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Sorted(maps.Values(s.waiting))
}

// publish adds work on what has no result.
func (s *sweep) publish(ctx context.Context) error {
	for _, i := range s.left() {
		if err := s.q.Publish(ctx, queue.Job{Sweep: s.kept.ID, Kind: queue.Scan, Repository: s.repos[i]}); err != nil {
			return err
		}
	}
	return nil
}

// work starts n workers in this process. The context that it returns ends with the first that
// fails; end stops them and waits.
func (s *sweep) work(ctx context.Context, w *worker, n int) (working context.Context, end func()) {
	working, cancel := context.WithCancelCause(ctx)
	var all sync.WaitGroup
	for range n {
		all.Go(func() {
			if err := w.run(working); err != nil {
				cancel(&ending{command.StatusUse, err})
			}
		})
	}
	return working, func() {
		cancel(nil)
		all.Wait()
	}
}

// looked is how often it is looked whether work was lost, with the worker that had it.
const looked = 10 * time.Second

// ours returns an error if the sweep is not this process's any more.
func (s *sweep) ours(ctx context.Context) error {
	now, err := s.q.Sweep(ctx)
	switch {
	case errors.Is(err, queue.ErrLost) || err == nil && now == nil:
		return queue.ErrLost
	case err == nil && (now.Done || now.ID != s.kept.ID):
		return errors.New("--nats: another keysweep-sweep ended this sweep or gave it up: one at a time may use a server")
	}
	return nil
}

// wait waits until done reports that all is, which it asks after each change. It returns nil
// also if ctx ended otherwise than by an error of a worker.
func (s *sweep) wait(ctx context.Context, done func() (bool, error), again func() error) error {
	tick := time.NewTicker(cmp.Or(s.program.wait, looked))
	defer tick.Stop()
	for untouched := 0; ; {
		if is, err := done(); is || err != nil {
			return err
		}
		select {
		case <-ctx.Done():
			if end, ok := errors.AsType[*ending](context.Cause(ctx)); ok {
				return end
			}
			return nil
		case <-s.changed:
		case <-tick.C:
			if err := s.ours(ctx); err != nil {
				return err
			}
			if untouched++; !s.q.Untouched(ctx) {
				untouched = 0
			} else if untouched == 2 { // once, it may be between two repositories
				s.say("no worker takes the repositories: run keysweep-sweep work with the same --nats, on any machine")
			}
			if n, err := s.q.Waiting(ctx); err == nil && n == 0 {
				if err := again(); err != nil {
					return err
				}
			}
		}
	}
}

// finish waits for the results and reports them.
func (s *sweep) finish(ctx context.Context, c *cli.Context) error {
	erase := s.showProgress(ctx, c)
	err := s.wait(ctx, func() (bool, error) { return len(s.left()) == 0, nil }, func() error { return s.publish(ctx) })
	if err != nil {
		erase()
		return err
	}
	after := context.WithoutCancel(ctx)
	res, err := s.join(after, ctx)
	if err == nil && s.scan.Audit().Verify.On {
		err = s.ask(ctx, res)
	}
	erase()
	if err != nil {
		return err
	}
	if s.same > 0 {
		s.say(fmt.Sprintf("%d of %d repositories did not change and were not read again", s.same, len(s.repos)))
	}
	res.CountRepositories()
	res.Duration = s.now().Sub(res.Started)
	if len(s.left()) == 0 && ctx.Err() == nil {
		if err := s.end(after); err != nil {
			return err
		}
	}
	return s.report(ctx, res)
}

// join joins the results that there are.
func (s *sweep) join(ctx, until context.Context) (*finding.Result, error) {
	joined := record.NewJoined(s.set, s.kept.Started)
	names := make([]string, len(s.repos))
	refused := map[string]string{}
	for i, r := range s.repos {
		names[i], refused[r.Name] = r.Name, r.Refused
	}
	slices.Sort(names)
	for _, name := range names {
		r, err := s.q.Result(ctx, s.kept.ID, name)
		switch {
		case err != nil:
			return nil, err
		case r == nil && refused[name] != "":
			joined.Fail(name, finding.ReasonNotFetched, "not scanned: "+refused[name])
			continue
		case r == nil:
			why := "not scanned"
			if until.Err() != nil {
				why += ": " + context.Cause(until).Error()
			}
			joined.Fail(name, finding.ReasonInterrupted, why)
			continue
		case r.Failed != "" && remote.IsAddress(name):
			joined.Fail(name, finding.ReasonNotFetched, r.Failed)
			continue
		case r.Failed != "":
			joined.Fail(name, finding.ReasonUnreadable, r.Failed)
			continue
		}
		if r.Object != "" {
			s.objects[r.Object] = true
		}
		if r.Same {
			s.same++
		}
		text, err := s.q.Report(ctx, r)
		if err != nil {
			return nil, fmt.Errorf("the report of %s: %w", quote.Name(name), err)
		}
		kept, err := record.Decode(text)
		if err != nil {
			return nil, err
		}
		joined.Add(name, kept)
	}
	return joined.Result(), nil
}

// end notes that all is done, and forgets the sweep before.
func (s *sweep) end(ctx context.Context) error {
	if now, err := s.q.Sweep(ctx); err != nil || now == nil || now.ID != s.kept.ID { // another process began one meanwhile
		return err
	}
	s.kept.Done = true
	if err := s.q.Keep(ctx, s.kept, false); err != nil {
		return err
	}
	if s.kept.Before == "" {
		return nil
	}
	return s.q.Forget(ctx, s.kept.Before, s.objects)
}

// report writes the reports, and ends with the status of a scan.
func (s *sweep) report(ctx context.Context, res *finding.Result) error {
	var failed error
	for _, folder := range s.folders {
		failed = errors.Join(failed, s.writeEach(folder, res))
	}
	status, err := s.scan.Deliver(ctx, res, s.set, command.Process{Stdout: s.stdout, Stderr: s.stderr})
	if err = errors.Join(failed, err); err != nil {
		status = command.StatusUse
	}
	return &ending{status, err}
}

// writeEach writes a SARIF file for each repository into a folder.
func (s *sweep) writeEach(folder string, res *finding.Result) error {
	if err := os.MkdirAll(folder, 0o700); err != nil {
		return fmt.Errorf("--output: %w", err)
	}
	taken := map[string]bool{}
	for _, t := range res.Targets {
		one := record.OnlyOf(res, t.Name)
		path := filepath.Join(folder, fileName(t.Name, taken)+".sarif")
		if err := writeReport(path, one, report.SARIF, s.scan.ReportOptions(s.set)); err != nil {
			return err
		}
	}
	return nil
}

// fileName returns a name for the file about a repository: its last parts, and a number if
// another has them.
func fileName(name string, taken map[string]bool) string {
	if _, path, ok := strings.Cut(name, "://"); ok {
		_, name, _ = strings.Cut(path, "/")
	}
	parts := strings.Split(strings.Trim(filepath.ToSlash(name), "/"), "/")
	parts = parts[max(0, len(parts)-2):]
	word := strings.Map(func(r rune) rune {
		if r == '.' || r == '-' || r == '_' || r >= '0' && r <= '9' || r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' {
			return r
		}
		return '_'
	}, strings.TrimSuffix(strings.Join(parts, "_"), ".git"))
	word = strings.TrimLeft(word, ".-")
	unique := word
	for n := 2; taken[strings.ToLower(unique)] || unique == ""; n++ {
		unique = fmt.Sprintf("%s_%d", word, n)
	}
	taken[strings.ToLower(unique)] = true
	return unique
}
