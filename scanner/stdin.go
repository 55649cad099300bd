package scanner

import (
	"context"
	"io"
	"sync/atomic"

	"keysweep/finding"
)

// scanStdin reads standard input to its end, or until ctx ends: a read that
// waits for a terminal is left behind.
func (s *Prepared) scanStdin(ctx context.Context, t *target) error {
	s.opts.Progress.Phase.Store("standard input")
	type outcome struct {
		n   int64
		err error
	}
	j := s.collector.newJudge(ctx)
	done := make(chan outcome, 1)
	r := &counted{r: s.opts.Stdin, bytes: &s.opts.Progress.Bytes}
	go func() {
		n, err := j.stream(r, location{target: t, source: finding.SourceStdin})
		done <- outcome{n, err}
	}()
	select {
	case o := <-done:
		j.commit()
		s.result.Read.Files++
		s.result.Read.Bytes += o.n
		if o.err != nil {
			s.skipOne(finding.ReasonUnreadable, "standard input: "+plainError(o.err))
		}
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// counted adds what is read to bytes.
type counted struct {
	r     io.Reader
	bytes *atomic.Int64
}

func (c *counted) Read(p []byte) (int, error) {
	n, err := c.r.Read(p)
	c.bytes.Add(int64(n))
	return n, err
}
