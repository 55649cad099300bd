package scanner

import (
	"context"
	"io"
	"slices"
	"strings"

	"keysweep/finding"
	"keysweep/rules"
)

// judge looks for candidates in content. It is the scratch of one goroutine.
type judge struct {
	window
	collector *collector
	ctx       context.Context // of the scan
	list      []candidate
	// times counts the locations of each key since the last commit or drop; cut
	// says that some were left out.
	times map[finding.Secret]tally
	cut   bool
	// inner judges what is packed in the content; nil: nothing was.
	inner   *judge
	isInner bool
}

// tally is how many locations of a key are kept, and the sorts of their comments at
// the last place that is not cut.
type tally struct {
	kept         int
	path, inside string // the place
	sorts        sorts
	open         bool // other places are left out
	allowed      int  // see candidate.allowed
}

// locationsPerContent is how many locations of one key in one file or object
// are kept: a file may be nothing but one key, a million times. More are kept only
// if their comments are of another sort: those that are left out are like one that
// is kept, or else, in other names and members of containers, their key is open.
const locationsPerContent = 1000

func (c *collector) newJudge(ctx context.Context) *judge {
	finder, matcher := c.set.Finder(), c.set.NewMatcher()
	matcher.StopAt(ctx.Done())
	return &judge{window: window{finder: finder, matcher: matcher}, collector: c, ctx: ctx, times: make(map[finding.Secret]tally)}
}

// forget lets go of all that j may hold of content: a worker that waits for memory
// must not.
func (j *judge) forget() { *j = *j.collector.newJudge(j.ctx) }

// forgetOver is the size of an object from which it is forgotten, in bytes.
const forgetOver = 1 << 20

// stream judges what r yields, in windows. Nothing is collected until commit:
// a file that changes is read again.
func (j *judge) stream(r io.Reader, at location) (n int64, err error) {
	j.window.name = at.path
	return j.window.each(j.ctx, r, j.unpacker(at), func(buf []byte, pos position, matches []rules.Match, core rules.Span) {
		j.keep(buf, 0, pos, matches, core, at)
	})
}

// whole judges content that is in memory, known to hold a literal. It goes in
// steps of a window: a large object may be nothing but candidates.
func (j *judge) whole(b []byte, at location) {
	var pos position
	unpack := j.unpacker(at)
	for from := 0; from < len(b) && j.ctx.Err() == nil; {
		core := rules.Span{Start: from, End: len(b)}
		if len(b)-from > windowSize {
			core.End = characterEnd(b[:from+windowSize])
		}
		near := rules.Span{Start: core.Start - nearby, End: core.End + nearby}
		matches := j.matcher.Matches(b, near)
		if unpack != nil {
			matches, _ = j.unpacked(b, matches, core, false, unpack)
		}
		if len(matches) > 0 {
			j.keep(b, from, pos, matches, core, at)
		}
		pos.advance(b[core.Start:core.End])
		from = core.End
	}
}

// name judges a name.
func (j *judge) name(name string, at location) {
	if len(name) < 8 { // no literal is shorter
		return
	}
	b := []byte(name)
	if !j.finder.Contains(b) {
		return
	}
	first := len(j.list)
	j.whole(b, at)
	for i := first; i < len(j.list); i++ {
		k := &j.list[i] // a name has no lines, and no comments
		k.at.line, k.at.column, k.view = 0, 0, view{excerpt: k.view.excerpt}
	}
}

// keep adds the matches that start in core to list, with their lines and
// columns. pos is that of buf[done].
func (j *judge) keep(buf []byte, done int, pos position, matches []rules.Match, core rules.Span, at location) {
	for i := range matches {
		m := &matches[i]
		if m.Start < core.Start || m.Start >= core.End {
			continue
		}
		pos.advance(buf[done:m.Start])
		done = m.Start
		shown := m.Confidence > finding.Rejected || j.collector.keepRejected // else it is only counted
		s, t := candidate{match: *m, offset: pos.total, at: at}, j.times[m.Secret]
		if shown {
			s.view.comment = comment(buf, matches, i, j.collector.foreign)
		}
		elsewhere, full := t.path != at.path || t.inside != at.inside, shown && t.kept >= locationsPerContent
		if elsewhere && !full {
			t.path, t.inside, t.sorts = at.path, at.inside, 0
		}
		isNew := t.sorts.add(commentSort(s.view.comment))
		s.open = elsewhere && full
		if s.open && t.open || !s.open && !isNew && (full || !shown) {
			if j.cut = j.cut || shown; shown && s.view.comment.Reason != "" {
				t.allowed++
				j.times[m.Secret] = t
			}
			continue
		}
		t.open = t.open || s.open
		t.kept++
		j.times[m.Secret] = t
		s.at.line, s.at.column = pos.lines+1, pos.bytes+1
		key := buf[m.Start:m.End]
		if n := slices.Index(key, '\n'); n >= 0 {
			key = key[:n]
		}
		s.view.endColumn = s.at.column + len(key)
		s.view.unitColumn = pos.units + 1
		s.view.unitEndColumn = s.view.unitColumn + units(key)
		if shown {
			s.view.excerpt = excerpt(buf, matches, i)
		}
		// The matcher uses its slices again.
		s.match.Encoding = slices.Clone(m.Encoding)
		s.match.Candidates, s.match.Former = slices.Clone(m.Candidates), slices.Clone(m.Former)
		s.match.Shapes = slices.Clone(m.Shapes)
		s.match.Evidence = slices.Clone(m.Evidence)
		s.at.path, s.at.inside = strings.Clone(at.path), strings.Clone(at.inside)
		j.list = append(j.list, s)
	}
}

// drain returns what may be a finding of what was found since the last commit or
// drop, and drops the rest; the collector gets that if the content is new.
func (j *judge) drain(isNew bool) (list []*candidate) {
	var rejected []candidate
	for i := range j.list {
		if k := j.list[i]; k.match.Confidence > finding.Rejected {
			if t := j.times[k.match.Secret]; t.allowed > 0 && k.view.comment.Reason != "" {
				k.allowed, t.allowed = t.allowed, 0
				j.times[k.match.Secret] = t
			}
			list = append(list, &k)
		} else {
			rejected = append(rejected, k)
		}
	}
	if isNew {
		j.collector.add(rejected, j.cut)
	}
	j.drop()
	return list
}

// commit gives the collector what was found since the last commit or drop.
func (j *judge) commit() {
	if len(j.list) > 0 {
		j.collector.add(j.list, j.cut)
	}
	j.drop()
}

// drop forgets it.
func (j *judge) drop() {
	if len(j.list) == 0 {
		return
	}
	clear(j.list)
	j.list = j.list[:0]
	clear(j.times)
	j.cut = false
}
