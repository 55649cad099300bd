package scanner

import (
	"slices"

	"keysweep/finding"
	"keysweep/scanner/gitdb/history"
	"keysweep/scanner/gitdb/oid"
)

// A list of occurrences is cut, and what is left out is judged when it is met: it
// stays out only if a listed occurrence is like it, in all that exceptions ask.
// Then what holds for each that is listed holds for all. Else the key is open: it
// is not known whether all its occurrences are accepted, and it is not.

// sorts is a set of the sorts of comments. Two occurrences of a key in one file
// whose comments are of one sort are alike.
type sorts uint8

// commentSort returns the sort of c.
func commentSort(c finding.Comment) sorts {
	switch {
	case !c.Found:
		return 1
	case c.Reason == "":
		return 2
	}
	return 4
}

// add adds one, and reports whether it is new.
func (s *sorts) add(one sorts) bool {
	isNew := *s&one == 0
	*s |= one
	return isNew
}

// unlisted judges the paths of the objects of a history that are not listed.
type unlisted struct {
	*Prepared
	history *scannedHistory
	held    map[oid.ID][]int32 // numbers of history.found

	more    bool // there is one
	open    map[*foundKey]bool
	left    int // questions that may still be asked
	objects map[oid.ID]*unlistedObject
}

// unlistedObject is an object with unlisted paths.
type unlistedObject struct {
	// keys are those that are accepted at all unlisted paths so far.
	keys []unlistedKey
	// alike holds a path for each answer of Accept.Path that accepts it, and one
	// at which a key is open.
	alike  map[string]history.PathTrace
	places bool // a key is in a name or in a container: its path is not all
}

type unlistedKey struct {
	*foundKey
	bare bool // a line with the key in the object has no comment that may count
}

// The limits of judging what is not listed: beyond them, a key is open.
const (
	questions  = 2_000_000
	pathsAlike = 1_000 // of an object
)

// met judges a path that is not listed.
func (u *unlisted) met(id oid.ID, at history.PathTrace) {
	o := u.objects[id]
	if o == nil {
		if u.objects == nil {
			u.objects, u.open, u.left = make(map[oid.ID]*unlistedObject), make(map[*foundKey]bool), questions
		}
		o = &unlistedObject{alike: make(map[string]history.PathTrace)}
		for _, k := range u.held[id] {
			key := unlistedKey{foundKey: u.history.found[k]}
			key.bare = slices.ContainsFunc(key.at[id], func(l location) bool { return key.locations[l].comment.Reason == "" })
			o.places = o.places || slices.ContainsFunc(key.at[id], func(l location) bool { return l.source == finding.SourcePath || l.inside != "" })
			o.keys = append(o.keys, key)
		}
		u.objects[id], u.more = o, true
	}
	words, accepted := u.acceptsPath(o, id, at)
	_, known := o.alike[words]
	switch {
	case accepted && known:
	case accepted && len(o.alike) < pathsAlike:
		o.alike[words] = at
	case accepted:
		u.keep(o, at, func(unlistedKey) bool { return false })
	default:
		u.keep(o, at, func(k unlistedKey) bool { return !k.bare && u.acceptsComments(k.foundKey, id, at) })
	}
}

// keep keeps the keys of o that accepted reports; the others are open, because of
// the path at.
func (u *unlisted) keep(o *unlistedObject, at history.PathTrace, accepted func(unlistedKey) bool) {
	var kept []unlistedKey
	for _, k := range o.keys {
		if !u.open[k.foundKey] && accepted(k) {
			kept = append(kept, k)
		} else {
			u.open[k.foundKey] = true
			o.alike[""] = at
		}
	}
	o.keys = kept
}

// acceptsPath reports whether the path is accepted, for all keys of o: for those
// in the names of a folder's entries and in containers, with the names.
func (u *unlisted) acceptsPath(o *unlistedObject, id oid.ID, at history.PathTrace) (words string, accepted bool) {
	if u.accept.Path == nil {
		return "", false
	}
	for _, k := range o.keys {
		for i, l := range k.at[id] {
			if before := k.at[id][max(i-1, 0)]; i > 0 && l.path == before.path && l.inside == before.inside {
				continue
			}
			if u.left--; u.left < 0 {
				return "", false
			}
			place := u.occurrence(l, at)
			more, ok := u.accept.Path(&place)
			if words += more; !ok {
				return "", false
			}
			if !o.places {
				return words, true // it has one path for all
			}
		}
	}
	return words, len(o.keys) > 0
}

// acceptsComments reports whether comments in the object are believed at the path:
// that does not depend on the line. That a newer version may have one is not asked.
func (u *unlisted) acceptsComments(k *foundKey, id oid.ID, at history.PathTrace) bool {
	if u.left--; u.left < 0 || u.accept.Occurrence == nil {
		return false
	}
	l := k.at[id][0]
	o := u.occurrence(l, at)
	o.Comment = k.locations[l].comment
	o.Comment.Merged = at.Merged
	return u.accept.Occurrence(k.finding.Secret, &o)
}

func (u *unlisted) occurrence(l location, at history.PathTrace) finding.Occurrence {
	return finding.Occurrence{Target: l.target.Name, Source: l.source, Folder: u.history.folder, Path: pathOf(l, at.Path), Inside: l.names(at.Path), Line: l.line}
}

// addTo adds to t the paths that are listed for those like them.
func (u *unlisted) addTo(t *history.Trace) {
	for id, o := range u.objects {
		for _, at := range o.alike {
			t.Paths[id] = append(t.Paths[id], at)
		}
	}
}
