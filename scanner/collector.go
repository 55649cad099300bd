package scanner

import (
	"cmp"
	"context"
	"io"
	"slices"
	"strings"
	"sync"

	"keysweep/finding"
	"keysweep/rules"
	"keysweep/scanner/gitdb/oid"
)

// collector gathers what the judges of all targets see: one record per
// distinct key.
type collector struct {
	set          *rules.Set
	keepRejected bool
	progress     *Progress

	mu   sync.Mutex
	keys map[finding.Secret]*record // guarded by mu
	cut  bool                       // guarded by mu; places were left out
	full bool                       // guarded by mu; candidates beyond maxKeys were left out
}

// maxKeys limits the distinct candidates of a scan: each takes up to 5 KB, and a
// file may be nothing else. What is beyond makes the scan incomplete.
const maxKeys = 100_000

// record is all that is known of a candidate.
type record struct {
	finding  finding.Finding
	shapes   []string
	evidence map[evidenceKey]rules.Evidence
	places   map[place]view
	rejected *seen          // the smallest place, if wanted
	traced   map[place]bool // places in objects that became occurrences
}

type evidenceKey struct {
	issuer string
	kind   rules.EvidenceKind
}

// place is where content stands, and a candidate in it. Equal content in
// several packs, or read twice, gives equal places.
type place struct {
	target       int // number of the target
	source       finding.Source
	path         string // of a file, or the name of a tree entry or ref
	object       oid.ID // of an object
	line, column int
}

func (p place) compare(q place) int {
	return cmp.Or(cmp.Compare(p.target, q.target), cmp.Compare(p.source, q.source), cmp.Compare(p.path, q.path),
		p.object.Compare(q.object), cmp.Compare(p.line, q.line), cmp.Compare(p.column, q.column))
}

// view is what a report shows of a place.
type view struct {
	endColumn                 int
	unitColumn, unitEndColumn int
	tipLine                   int // see finding.Occurrence.TipLine
	excerpt                   finding.Excerpt
	comment                   finding.Comment
}

// seen is one candidate at one place.
type seen struct {
	match rules.Match
	place place
	view  view
}

func newCollector(set *rules.Set, keepRejected bool, progress *Progress) *collector {
	return &collector{set: set, keepRejected: keepRejected, progress: progress, keys: make(map[finding.Secret]*record)}
}

// add takes over candidates. cut says that some places were left out.
func (c *collector) add(list []seen, cut bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.cut = c.cut || cut
	for i := range list {
		c.addOne(&list[i])
	}
}

func (c *collector) addOne(s *seen) {
	m := &s.match
	r := c.keys[m.Secret]
	if r == nil {
		if len(c.keys) >= maxKeys {
			c.full = true
			return
		}
		r = &record{finding: finding.Finding{Secret: m.Secret, RuleID: m.RuleID, Environment: m.Environment, Score: m.Score, RejectedFor: m.RejectedFor, Encoding: slices.Clone(m.Encoding)}}
		c.keys[m.Secret] = r
	}
	f := &r.finding
	if f.Confidence == finding.Rejected && m.Confidence > finding.Rejected {
		c.progress.Candidates.Add(1)
	}
	if m.Confidence < f.Confidence {
		if m.Confidence == finding.Rejected {
			return
		}
	} else if m.Confidence > f.Confidence || smaller(m, f) {
		// Whoever saw the key first, the same of equal views is kept.
		f.Confidence, f.RuleID, f.Environment = m.Confidence, m.RuleID, m.Environment
		f.Typed, f.Score, f.RejectedFor, f.Encoding = m.Typed, m.Score, m.RejectedFor, slices.Clone(m.Encoding)
	}
	if m.Confidence == finding.Rejected {
		if c.keepRejected && (r.rejected == nil || s.place.compare(r.rejected.place) < 0) {
			r.rejected = &seen{place: s.place, view: s.view}
		}
		return
	}
	r.shapes = m.Shapes
	for _, e := range m.Evidence {
		k := evidenceKey{e.Issuer, e.Kind}
		if old, ok := r.evidence[k]; !ok || better(e, old) {
			if r.evidence == nil {
				r.evidence = make(map[evidenceKey]rules.Evidence)
			}
			r.evidence[k] = e
		}
	}
	if r.places == nil {
		r.places = make(map[place]view)
	}
	r.places[s.place] = s.view
}

// better reports whether evidence e is kept in the place of old, which is of
// the same kind and for the same issuer.
func better(e, old rules.Evidence) bool {
	if e.Weaker != old.Weaker {
		return old.Weaker
	}
	if e.Strong != old.Strong {
		return e.Strong
	}
	return cmp.Or(cmp.Compare(e.Distance, old.Distance), cmp.Compare(e.Text, old.Text)) < 0
}

// smaller orders views of one key that have the same confidence: the least
// encoded is the one to show.
func smaller(m *rules.Match, f *finding.Finding) bool {
	return cmp.Or(cmp.Compare(len(m.Encoding), len(f.Encoding)), slices.Compare(m.Encoding, f.Encoding),
		cmp.Compare(m.RuleID, f.RuleID), cmp.Compare(m.RejectedFor, f.RejectedFor)) < 0
}

// judge looks for candidates in content. It is the scratch of one goroutine.
type judge struct {
	collector *collector
	finder    *rules.Finder
	matcher   *rules.Matcher
	window    window
	ctx       context.Context // of the scan
	list      []seen
	// times counts the places of each key since the last commit; cut says
	// that some were left out.
	times map[finding.Secret]int
	cut   bool
}

// placesPerContent is how many places of one key in one file or object are
// kept: a file may be nothing but one key, a million times.
const placesPerContent = 1000

func (c *collector) newJudge(ctx context.Context) *judge {
	finder, matcher := c.set.Finder(), c.set.NewMatcher()
	matcher.StopAt(ctx.Done())
	return &judge{ctx: ctx, times: make(map[finding.Secret]int), collector: c, finder: finder, matcher: matcher, window: window{finder: finder, matcher: matcher}}
}

// stream judges what r yields, in windows. Nothing is collected until commit:
// a file that changes is read again.
func (j *judge) stream(r io.Reader, at place) (n int64, err error) {
	return j.window.each(j.ctx, r, func(buf []byte, pos position, matches []rules.Match, core rules.Span) {
		j.see(buf, 0, pos, matches, core, at)
	})
}

// whole judges content that is in memory, known to hold a literal. It goes in
// steps of a window: a large object may be nothing but candidates.
func (j *judge) whole(b []byte, at place) {
	var pos position
	for from := 0; from < len(b) && j.ctx.Err() == nil; {
		core := rules.Span{Start: from, End: len(b)}
		if len(b)-from > windowSize {
			core.End = characterEnd(b[:from+windowSize])
		}
		near := rules.Span{Start: core.Start - nearby, End: core.End + nearby}
		if matches := j.matcher.Matches(b, near); len(matches) > 0 {
			j.see(b, from, pos, matches, core, at)
		}
		pos.advance(b[core.Start:core.End])
		from = core.End
	}
}

// name judges a name.
func (j *judge) name(name string, at place) {
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
		p, v := &j.list[i].place, &j.list[i].view
		p.line, p.column, v.endColumn, v.unitColumn, v.unitEndColumn = 0, 0, 0, 0, 0
		v.comment = finding.Comment{} // a name has no comments
	}
}

// see notes the matches that start in core, with their lines and columns. pos
// is that of buf[done].
func (j *judge) see(buf []byte, done int, pos position, matches []rules.Match, core rules.Span, at place) {
	for i := range matches {
		m := &matches[i]
		if m.Start < core.Start || m.Start >= core.End {
			continue
		}
		pos.advance(buf[done:m.Start])
		done = m.Start
		limit := placesPerContent
		if m.Confidence == finding.Rejected && !j.collector.keepRejected {
			limit = 1 // it is only counted
		}
		if j.times[m.Secret] >= limit {
			j.cut = j.cut || limit > 1
			continue
		}
		j.times[m.Secret]++
		s := seen{match: *m, place: at}
		s.place.line, s.place.column = pos.lines+1, pos.bytes+1
		key := buf[m.Start:m.End]
		if n := slices.Index(key, '\n'); n >= 0 {
			key = key[:n]
		}
		s.view.endColumn = s.place.column + len(key)
		s.view.unitColumn = pos.units + 1
		s.view.unitEndColumn = s.view.unitColumn + units(key)
		if m.Confidence > finding.Rejected || j.collector.keepRejected {
			s.view.excerpt = excerpt(buf, matches, i)
			s.view.comment = comment(buf, matches, i)
		}
		// The matcher uses its slices again.
		s.match.Encoding = slices.Clone(m.Encoding)
		s.match.Shapes = slices.Clone(m.Shapes)
		s.match.Evidence = slices.Clone(m.Evidence)
		s.place.path = strings.Clone(at.path)
		j.list = append(j.list, s)
	}
}

// commit hands over what was seen since the last commit or drop.
func (j *judge) commit() {
	if len(j.list) > 0 {
		j.collector.add(j.list, j.cut)
	}
	j.drop()
}

// drop forgets what was seen since the last commit.
func (j *judge) drop() {
	if len(j.list) == 0 {
		return
	}
	clear(j.list)
	j.list = j.list[:0]
	clear(j.times)
	j.cut = false
}
