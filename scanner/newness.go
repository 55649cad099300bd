package scanner

import (
	"context"
	"slices"

	"keysweep/finding"
	"keysweep/scanner/gitdb"
	"keysweep/scanner/gitdb/oid"
)

// keepNew keeps what is new of pending, and submits it. What a file held before
// it was changed is asked first: it is cheap, and an old key beside new lines is
// the ordinary case.
func (c *change) keepNew(ctx context.Context) error {
	for _, step := range []func(context.Context) error{c.dropHeldAtPath, c.dropOutOfRange, c.dropHeldElsewhere, c.readTips} {
		if len(c.pending) == 0 {
			return nil
		}
		if err := step(ctx); err != nil {
			return err
		}
	}
	c.submit()
	return nil
}

// drop takes out of pending what old reports.
func (c *change) drop(old func(*introduction) bool) {
	c.pending = slices.DeleteFunc(c.pending, func(n introduction) bool { return old(&n) })
}

// dropHeldAtPath drops keys that a parent holds at the same path.
func (c *change) dropHeldAtPath(ctx context.Context) error {
	var ids []oid.ID
	for _, n := range c.pending {
		ids = append(ids, n.before...)
	}
	if err := c.learn(ctx, ids); err != nil {
		return err
	}
	c.drop(func(n *introduction) bool {
		isHeld, isAllowed, isOld := false, false, false
		for _, id := range n.before {
			if held, ok := c.known[id][n.match.Secret]; ok {
				isHeld, isAllowed = true, isAllowed || held.reason != ""
				isOld = isOld || !c.accepts(n, n.path, held.reason)
			}
		}
		if isHeld && !isAllowed {
			c.noteAllowed(n)
		}
		return isOld || isHeld && c.accepts(n, n.path, n.view.comment.Reason)
	})
	return nil
}

// dropOutOfRange drops what commits bring in that are not in the range after
// all.
func (c *change) dropOutOfRange(ctx context.Context) error {
	if c.inRange == nil {
		return nil
	}
	isInRange, err := c.inRange(ctx)
	if err != nil {
		return err
	}
	c.drop(func(n *introduction) bool {
		by := c.units[n.unit].by.ID
		return n.source != finding.SourceTag && !by.IsZero() && !isInRange(by)
	})
	return nil
}

// dropHeldElsewhere drops keys that a parent holds at any path.
func (c *change) dropHeldElsewhere(ctx context.Context) error {
	if err := c.learnParents(ctx); err != nil {
		return err
	}
	d, j := c.db.NewDiffer(treeBudget), c.collector.newJudge(ctx)
	defer d.Close()
	var failed error
	c.drop(func(n *introduction) bool {
		isHeld, isAllowed, isOld := false, false, false
		for _, tree := range c.units[n.unit].parents {
			held, ok := c.below[tree][n.match.Secret]
			isHeld, isAllowed = isHeld || ok, isAllowed || held.reason != ""
			if ok && !isOld && failed == nil {
				left := maxAccepted
				isOld, failed = c.holdsUnaccepted(ctx, d, j, n, tree, "", &left)
			}
		}
		if !isAllowed {
			c.noteAllowed(n)
		}
		return isOld || isHeld && c.accepts(n, n.path, n.view.comment.Reason)
	})
	return failed
}

// accepts reports whether a person accepted path, or the comment with this
// reason beside the key of n there: then it does not make the key old elsewhere.
func (c *change) accepts(n *introduction, path, reason string) bool {
	return c.accept != nil && c.accept(n.match.Secret, &finding.Occurrence{
		Target: c.target.Name, Source: c.source, Path: path, Comment: finding.Comment{Found: reason != "", Reason: reason},
	})
}

// noteAllowed notes that the next commit accepts the key of n by a comment, if
// it does.
func (c *change) noteAllowed(n *introduction) {
	reason := n.view.comment.Reason
	if c.source != finding.SourceIndex || c.whole || reason == "" {
		return
	}
	c.result.Added = append(c.result.Added, finding.Exception{Kind: finding.KindInline, File: n.path, Line: n.at.line,
		Entry: n.match.Secret.ID(), Reason: reason})
}

// readTips gives what is pending the comment beside its key in the versions of
// its file that the tips hold, if they hold the key (a comment cannot be added to
// the past), and the line.
func (c *change) readTips(ctx context.Context) error {
	atTips := make(map[string][]oid.ID) // by path
	var ids []oid.ID
	for _, n := range c.pending {
		if _, known := atTips[n.path]; known || n.source != c.source || len(c.tips) == 0 {
			continue
		}
		atTips[n.path] = nil
		for _, tip := range c.tips {
			// What cannot be read here was reported before.
			if entry, err := c.db.AtPath(ctx, tip, n.path); err == nil && !entry.IsTree() && !entry.IsSubmodule() {
				atTips[n.path] = append(atTips[n.path], entry.ID)
			}
		}
		ids = append(ids, atTips[n.path]...)
	}
	if err := c.learn(ctx, ids); err != nil {
		return err
	}
	for i := range c.pending {
		n := &c.pending[i]
		if n.source != c.source {
			continue
		}
		for _, id := range atTips[n.path] {
			held, ok := c.known[id][n.match.Secret]
			if !ok {
				continue
			}
			atTip := *n.candidate // which others share
			atTip.view.comment = finding.Comment{Found: held.reason != "", Reason: held.reason}
			atTip.view.tipLine = held.line
			n.candidate = &atTip
			if held.reason == "" {
				break
			}
		}
	}
	return nil
}

// submit gives what is pending to the collector, and notes which commit brought
// in each.
func (c *change) submit() {
	list := make([]candidate, 0, len(c.pending))
	for _, n := range c.pending {
		k := *n.candidate
		k.at.source, k.at.path = n.source, n.path
		list = append(list, k)
		by := c.units[n.unit].by
		locations := c.broughtBy[k.match.Secret]
		if locations == nil {
			locations = make(map[location]gitdb.CommitRef)
			c.broughtBy[k.match.Secret] = locations
		}
		if old, ok := locations[k.at]; !ok || isEarlier(by, old) {
			locations[k.at] = by
		}
	}
	c.collector.add(list, false)
	c.pending = nil
}

// addOccurrences turns the locations at which commits of the range brought in a
// key into occurrences, and says which commit was the first.
func (c *change) addOccurrences(r *record) {
	broughtBy := c.broughtBy[r.finding.Secret]
	if len(broughtBy) == 0 || c.source == finding.SourceIndex {
		return
	}
	if r.traced == nil {
		r.traced = make(map[location]bool)
	}
	vs := make(versions)
	var first gitdb.CommitRef
	for l, v := range r.locations {
		by, ok := broughtBy[l]
		if !ok || l.target != c.target {
			continue
		}
		r.traced[l] = true
		if l.source != finding.SourceTag && !by.ID.IsZero() && (first.ID.IsZero() || isEarlier(by, first)) {
			first = by
		}
		o := l.occurrence(v)
		o.Reachable = true
		vs.add(version{o, l.object, by})
	}
	for _, o := range vs.occurrences() {
		o.Newest = o.Newest && o.Path != ""
		r.finding.Occurrences = append(r.finding.Occurrences, o)
	}
	if f := &r.finding; !first.ID.IsZero() && (f.FirstSeen.Commit == "" || sighting(first).Date.Before(f.FirstSeen.Date)) {
		f.FirstSeen = sighting(first)
	}
}
