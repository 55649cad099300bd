package scanner

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"keysweep/finding"
	"keysweep/rules"
	"keysweep/scanner/container"
)

// What a gzip file in base64 may yield: so many bytes, and so many for each of its own
// once it has yielded a few.
const (
	maxUnpacked   = 64 << 20
	unpackedRatio = 200
	freeUnpacked  = 1 << 20
)

var errUnpacked = errors.New("more than a gzip file in base64 may yield")

// packed reads what one gzip file in base64 holds. It implements container.Visitor: a
// file in it has no place of its own.
type packed struct {
	judge    func(io.Reader) (n int64, err error)
	tooLarge func(detail string)
	left     int64 // bytes that it may still yield
}

// openPacked hands the files in p to judge, and calls tooLarge if there is more than a
// gzip file in base64 may hold.
func openPacked(ctx context.Context, budget *container.Budget, p rules.Packed, judge func(io.Reader) (int64, error), tooLarge func(string)) {
	size := int64(len(p.Data))
	v := &packed{judge, tooLarge, min(maxUnpacked, max(freeUnpacked, unpackedRatio*size))}
	_, err := container.Walk(ctx, budget, container.Bytes(p.Data), "", v)
	switch {
	case errors.Is(err, errUnpacked):
		tooLarge(fmt.Sprintf("more than %d bytes, or %d for each of its own", maxUnpacked, unpackedRatio))
	case p.Long:
		tooLarge(fmt.Sprintf("a file of more than %d bytes", size-1))
	}
}

// unpacker returns what looks into gzip files in the content at at, or nil if they are
// not opened.
func (j *judge) unpacker(at location) func(rules.Packed) []rules.Match {
	if j.collector.containers == nil || j.isInner {
		return nil
	}
	return func(p rules.Packed) []rules.Match {
		if j.inner == nil {
			j.inner = j.collector.newJudge(j.ctx)
			j.inner.isInner = true
		}
		defer j.inner.drop()
		openPacked(j.ctx, j.collector.containers, p, func(r io.Reader) (int64, error) { return j.inner.stream(r, location{}) }, func(detail string) {
			reason := finding.ReasonTooLarge
			if j.collector.unopened {
				reason = finding.ReasonUnopened
			}
			j.collector.skip(finding.Skipped{Reason: reason, Count: 1, Detail: strings.Join(append(at.what(), "gzip in base64", detail), ": ")})
		})
		var list []rules.Match
		for _, k := range j.inner.list {
			if !slices.ContainsFunc(list, func(m rules.Match) bool { return m.Secret == k.match.Secret }) {
				k.match.Start, k.match.End = p.Start, p.End
				k.match.Encoding = append(slices.Clip(p.Encoding), k.match.Encoding...)
				list = append(list, k.match)
			}
		}
		return list
	}
}

// Member implements container.Visitor.
func (v *packed) Member(_ []string, r io.Reader) error {
	l := &io.LimitedReader{R: r, N: v.left}
	n, err := v.judge(l)
	v.left -= n
	if more, _ := r.Read(make([]byte, 1)); err == nil && v.left == 0 && more > 0 {
		return errUnpacked
	}
	return err
}

// Name implements container.Visitor.
func (v *packed) Name(_ []string, text string) error {
	_, err := v.judge(strings.NewReader(text))
	return err
}

// Raw implements container.Visitor.
func (v *packed) Raw(names []string, r io.Reader, _ []container.Span) error {
	return v.Member(names, r)
}

// Note implements container.Visitor. A file that is damaged is text that was cut.
func (v *packed) Note(n container.Note) error {
	if n.Problem == container.TooLarge {
		v.tooLarge(n.Detail)
	}
	return nil
}
