package main

import (
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/urfave/cli/v2"

	"keysweep/command"
)

// workFor works for a sweep that there is, or comes, until it ends.
func (p *program) workFor(c *cli.Context) error {
	ctx := c.Context
	local, err := absolute(command.Typed(c, local...))
	if err != nil {
		return err
	}
	q, err := p.open(c)
	if err != nil {
		return err
	}
	defer q.Close()
	w := &worker{q: q, local: local, now: p.now}
	unlock, err := w.lockCache(c)
	if err != nil {
		return err
	}
	defer unlock()
	for w.sweep == nil {
		s, err := q.Sweep(ctx)
		switch {
		case err != nil:
			return err
		case s != nil && !s.Done:
			w.sweep = s
			continue
		}
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(time.Second):
		}
	}
	if err := enter(w.sweep.Dir); err != nil {
		return err
	}
	if err := w.check(ctx); err != nil {
		return err
	}
	var all sync.WaitGroup
	failed := make([]error, workers(c))
	for i := range failed {
		all.Go(func() { failed[i] = w.run(ctx) })
	}
	all.Wait()
	// One sentence of what all of them met.
	return errors.Join(slices.CompactFunc(failed, func(a, b error) bool { return fmt.Sprint(a) == fmt.Sprint(b) })...)
}
