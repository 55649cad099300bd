package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/urfave/cli/v2"

	"keysweep/file"
	"keysweep/finding"
	"keysweep/quote"
	"keysweep/report"
	"keysweep/screen"
	"keysweep/sweep/list"
)

type listed = list.Repository

// status is how far a sweep is.
type status struct {
	Started, Now time.Time
	Done, Total  int
	Left         time.Duration // zero: not known
}

// words returns one line.
func (s status) words() string {
	words := fmt.Sprintf("%d of %d repositories are done", s.Done, s.Total)
	if s.Left > 0 {
		words += ", about " + s.Left.Round(time.Second).String() + " left"
	}
	return words
}

// progress returns how far s is. begun and had are when this process began and what was done then.
func (s *sweep) progress(begun time.Time, had int64) status {
	left := s.left()
	st := status{Started: s.kept.Started, Now: s.now(), Done: len(s.repos) - len(left), Total: len(s.repos)}
	var all, rest int64
	for i := range s.repos {
		all += max(s.repos[i].Size, 1)
	}
	for _, i := range left {
		rest += max(s.repos[i].Size, 1)
	}
	if done := all - rest - had; done > 0 {
		st.Left = time.Duration(float64(st.Now.Sub(begun)) / float64(done) * float64(rest))
	}
	return st
}

// statusFile is where a sweep without servers elsewhere says how far it is.
const statusFile = "status.json"

// showProgress draws how far the sweep is and keeps it for status until erase is called, which
// may be twice.
func (s *sweep) showProgress(ctx context.Context, c *cli.Context) (erase func()) {
	ctx, cancel := context.WithCancel(ctx)
	begun, had := s.now(), int64(0)
	for _, r := range s.repos {
		had += max(r.Size, 1)
	}
	for _, i := range s.left() {
		had -= max(s.repos[i].Size, 1)
	}
	stopped := make(chan struct{})
	keep := func() {
		text, err := json.Marshal(s.progress(begun, had))
		if err != nil {
			return
		}
		if c.String("nats") != "" {
			_ = s.q.PutStatus(ctx, text)
			return
		}
		_ = file.Write(filepath.Join(c.String("state"), statusFile), file.Own, func(w io.Writer) error {
			_, err := w.Write(text)
			return err
		})
	}
	keep()
	go func() {
		defer close(stopped)
		tick := time.NewTicker(time.Second)
		defer tick.Stop()
		for {
			select {
			case <-ctx.Done():
				return
			case <-tick.C:
				keep()
			}
		}
	}()
	line := func() {}
	if screen.ShowProgress(s.stderr) && !c.Bool("no-progress") && !c.Bool("quiet") {
		line = screen.DrawLine(s.stderr, func(time.Time, int) string { return s.progress(begun, had).words() })
	}
	return sync.OnceFunc(func() {
		keep()
		cancel()
		<-stopped
		line()
	})
}

// status is the command of that name.
func (p *program) status(c *cli.Context) error {
	if err := noPaths(c); err != nil {
		return err
	}
	var text []byte
	runs, stopped := false, false // neither: that is not known
	if c.String("nats") == "" {
		var err error
		if text, err = file.Read(filepath.Join(c.String("state"), statusFile), 1<<20); file.Absent(err) {
			return fmt.Errorf("%s holds no sweep", quote.Name(c.String("state")))
		} else if err != nil {
			return err
		}
		unlock, err := lock("--state", c.String("state"))
		switch {
		case errors.Is(err, errRuns):
			runs = true
		case err == nil:
			unlock()
			stopped = true
		}
	} else {
		q, err := p.open(c)
		if err != nil {
			return err
		}
		defer q.Close()
		if text, err = q.Status(c.Context); err != nil {
			return err
		} else if text == nil {
			return errors.New("the server holds no sweep")
		}
	}
	var st status
	if err := json.Unmarshal(text, &st); err != nil {
		return fmt.Errorf("the status is damaged: %w", err)
	}
	state := ""
	switch {
	case runs: // all may be done, and keys asked about
		state = ", and it runs"
	case stopped && st.Done < st.Total:
		st.Left, state = 0, ", and no process goes on with it"
	}
	_, err := fmt.Fprintf(p.stdout, "The sweep of %s: %s%s.\n", st.Started.UTC().Format(time.DateTime), st.words(), state)
	return err
}

// work is the command of that name.
func (p *program) work(c *cli.Context) error {
	if err := noPaths(c); err != nil {
		return err
	}
	if c.String("nats") == "" {
		return errors.New("work needs --nats: without it, keysweep-sweep scans itself")
	}
	return p.workFor(c)
}

// writeReport writes a report to a file.
func writeReport(path string, res *finding.Result, f report.Format, opts report.Options) error {
	if err := file.Write(path, file.Own, func(w io.Writer) error { return report.Write(w, f, res, opts) }); err != nil {
		return fmt.Errorf("writing the report %s: %w", quote.Name(path), err)
	}
	return nil
}

// enter makes dir, of another process, the working directory, if it is here.
func enter(dir string) error {
	if !exists(dir) {
		return nil // paths from the root may still be there, and addresses are
	}
	return os.Chdir(dir)
}
