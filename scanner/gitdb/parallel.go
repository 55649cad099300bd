package gitdb

import (
	"cmp"
	"context"
	"sync"
	"sync/atomic"

	"keysweep/scanner/gitdb/pack"
)

// InParallel calls work for each number below n. A worker takes several
// neighbours at once, of which least and most are the bounds, and has a function
// of its own, made by newWork, which gets the number of workers. The error is
// ctx's or the first one of work.
func InParallel(ctx context.Context, workers, n, least, most int, newWork func(workers int) (work func(i int) error)) error {
	step := min(max(n/(8*workers), least), most) // few cuts, but work for all
	workers = min(workers, (n+step-1)/step)
	errs := make([]error, workers)
	var next atomic.Int64
	var stop atomic.Bool
	var done sync.WaitGroup
	for w := range workers {
		work := newWork(workers)
		run := func() error {
			for ctx.Err() == nil && !stop.Load() {
				from := (int(next.Add(1)) - 1) * step
				if from >= n {
					return nil
				}
				for i := from; i < min(from+step, n); i++ {
					if err := work(i); err != nil {
						return err
					}
				}
			}
			return context.Cause(ctx)
		}
		if workers == 1 { // a hook pays for starting one
			return pack.Guard(run)
		}
		done.Go(func() {
			if errs[w] = pack.Guard(run); errs[w] != nil {
				stop.Store(true)
			}
		})
	}
	done.Wait()
	return cmp.Or(errs...)
}
