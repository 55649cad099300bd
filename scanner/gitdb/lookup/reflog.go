package lookup

import (
	"container/heap"
	"context"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"keysweep/scanner/gitdb"
	"keysweep/scanner/gitdb/oid"
	"keysweep/scanner/gitdb/pack"
)

// firstSecond is the least number in @{…} that git takes for seconds since 1970
// (object-name.c, get_oid_basic).
const firstSecond = 100_000_000

// logged returns what the reflog of a ref says that it was: name@{at. A name of
// nothing is the branch that is checked out.
func (db *Database) logged(name, at string) (oid.ID, error) {
	whole := name + "@{" + at
	at, ok := strings.CutSuffix(at, "}")
	if !ok {
		return oid.ID{}, fmt.Errorf("%w: %s: the brace is not closed", ErrRevision, whole)
	}
	n, t := -1, time.Time{}
	if number, err := strconv.Atoi(at); err == nil && at[0] != '-' && at[0] != '+' {
		n = number
		if n >= firstSecond {
			n, t = -1, time.Unix(int64(number), 0)
		}
	} else if t, ok = parseDate(at, db.now); !ok {
		return oid.ID{}, fmt.Errorf("%w: %s: @{…} holds a number or a date: @{1}, @{2026-01-31}, @{2026-01-31 10:00}, @{yesterday}, @{2 days ago}", ErrRevision, whole)
	}
	current, log, err := db.reflog(name)
	if err != nil {
		return oid.ID{}, fmt.Errorf("the reflog of %s: %w", name, err)
	}
	i := n
	if n < 0 {
		i = slices.IndexFunc(log, func(l gitdb.LogRecord) bool { return l.Time <= t.Unix() })
		if i < 0 { // it only goes back to then, and git takes its end
			i = len(log)
		}
	}
	switch {
	case len(log) == 0 && n != 0:
		return oid.ID{}, fmt.Errorf("%w: %s: there is no reflog of it", ErrRevision, whole)
	case n == 0:
		return current, nil
	case i < len(log):
		return log[i].New, nil
	case i == len(log) && !log[i-1].Old.IsZero():
		return log[i-1].Old, nil
	case n < 0:
		return log[i-1].New, nil
	}
	return oid.ID{}, fmt.Errorf("%w: %s: its reflog goes back to @{%d}", ErrRevision, whole, len(log)-1)
}

// reflog returns what a ref with this name, perhaps a short one, is now, and its
// reflog: of several refs with this name, the first that has one.
func (db *Database) reflog(name string) (current oid.ID, log []gitdb.LogRecord, err error) {
	repo := db.repo
	if name == "" { // the branch, not HEAD
		if name = repo.Symbolic("HEAD"); name == "" {
			name = "HEAD"
		}
	} else if name == "@" {
		name = "HEAD"
	}
	for _, rule := range refRules {
		full := rule.before + name + rule.after
		id, ok := repo.Ref(full)
		if !ok {
			continue
		}
		if current.IsZero() {
			current = id
		}
		for _, ref := range []string{full, repo.Symbolic(full)} {
			if ref != "" && len(log) == 0 && err == nil {
				current = id
				log, err = repo.Reflog(ref)
			}
		}
		if len(log) > 0 || err != nil {
			return id, log, err
		}
	}
	if current.IsZero() {
		err = fmt.Errorf("%w: no ref has this name", ErrRevision)
	}
	return current, nil, err
}

// search returns the newest commit that ids reach whose message matches text
// (gitrevisions(7), ":/<text>"): a regular expression, but for !- before it, which
// wants a message that does not match, and !! for a '!'.
func (r *Reader) search(ctx context.Context, ids []oid.ID, text string) (oid.ID, error) {
	wanted, without := text, false
	switch rest, special := strings.CutPrefix(text, "!"); {
	case special && strings.HasPrefix(rest, "-"):
		wanted, without = rest[1:], true
	case special && strings.HasPrefix(rest, "!"):
		wanted = rest
	case special:
		return oid.ID{}, fmt.Errorf("%w: /%s: /! needs - or another ! behind it", ErrRevision, text)
	}
	pattern, err := regexp.Compile("(?s:" + wanted + ")")
	if err != nil {
		return oid.ID{}, fmt.Errorf("%w: /%s: %w", ErrRevision, text, err)
	}
	var queue commitQueue
	seen := make(map[oid.ID]bool)
	enter := func(id oid.ID) error {
		if seen[id] {
			return nil
		}
		seen[id] = true
		c, err := r.commit(ctx, id)
		if err == nil {
			heap.Push(&queue, &walked{Commit: c})
		}
		return err
	}
	for _, id := range ids {
		if id, typ, _, err := r.untag(ctx, id); err == nil && typ == oid.Commit {
			if err := enter(id); err != nil {
				return oid.ID{}, err
			}
		}
	}
	for len(queue) > 0 {
		if ctx.Err() != nil {
			return oid.ID{}, context.Cause(ctx)
		}
		c := heap.Pop(&queue).(*walked)
		matches := false
		err := r.Read(ctx, c.ID, func(o *pack.Object) error {
			_, message, _ := strings.Cut(string(o.Data), "\n\n")
			matches = pattern.MatchString(message) != without
			return nil
		})
		if err != nil || matches {
			return c.ID, err
		}
		if slices.Contains(r.db.repo.Shallow, c.ID) {
			continue
		}
		for _, id := range c.Parents {
			if err := enter(id); err != nil {
				return oid.ID{}, err
			}
		}
	}
	return oid.ID{}, fmt.Errorf("%w: no message matches /%s", ErrRevision, text)
}

// dateLayouts are the dates that parseDate takes, besides those before now. Without a
// zone they are local, and without a time they are at the time of now, as in git.
var dateLayouts = [...]string{
	"2006-01-02T15:04:05Z07:00", "2006-01-02 15:04:05 -0700", "2006-01-02T15:04:05", "2006-01-02 15:04:05", "2006-01-02T15:04", "2006-01-02 15:04",
	"Mon, 2 Jan 2006 15:04:05 -0700", "Mon Jan 2 15:04:05 2006 -0700",
}

// parseDate reads a part of what git reads as a date (git's date-formats.txt and
// approxidate): ISO 8601, RFC 2822, the form of git log, now, yesterday, and
// 2 days ago with any unit, with dots or blanks between the words.
func parseDate(s string, clock func() time.Time) (time.Time, bool) {
	if clock == nil {
		return time.Time{}, false
	}
	now := clock()
	for _, layout := range dateLayouts {
		if t, err := time.ParseInLocation(layout, s, now.Location()); err == nil {
			return t, true
		}
	}
	if day, err := time.ParseInLocation("2006-01-02", s, now.Location()); err == nil {
		return time.Date(day.Year(), day.Month(), day.Day(), now.Hour(), now.Minute(), now.Second(), 0, now.Location()), true
	}
	switch strings.ToLower(s) {
	case "now", "today":
		return now, true
	case "yesterday":
		return now.AddDate(0, 0, -1), true
	}
	word := strings.FieldsFunc(strings.ToLower(s), func(c rune) bool { return c == ' ' || c == '.' })
	if len(word) != 3 || word[2] != "ago" {
		return time.Time{}, false
	}
	n, err := strconv.Atoi(word[0])
	if err != nil {
		n = 1 + slices.Index([]string{"one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten"}, word[0])
	}
	if n <= 0 || n > 1_000_000_000 {
		return time.Time{}, false
	}
	switch strings.TrimSuffix(word[1], "s") {
	case "second":
		return now.Add(-time.Duration(n) * time.Second), true
	case "minute":
		return now.Add(-time.Duration(n) * time.Minute), n < 1_000_000
	case "hour":
		return now.Add(-time.Duration(n) * time.Hour), n < 1_000_000
	case "day":
		return now.AddDate(0, 0, -n), n < 1_000_000
	case "week":
		return now.AddDate(0, 0, -7*n), n < 1_000_000
	case "month":
		return now.AddDate(0, -n, 0), n < 100_000
	case "year":
		return now.AddDate(-n, 0, 0), n < 10_000
	}
	return time.Time{}, false
}
