package exceptions

import (
	"slices"
	"strings"

	"github.com/bmatcuk/doublestar/v4"
)

// allowIndex finds the entries that speak of a key, or of a path, without asking
// each: there may be as many entries as keys.
type allowIndex struct {
	byFingerprint map[string][]int // of entries without a path: the whole, or its first 16 digits
	inPlaces      map[string][]int // the same of entries with a path
	// byHead holds the entries with a path alone by the head of their glob: no path
	// matches that does not begin with it.
	byHead  map[string][]int
	lengths []int // of the heads, ascending
	globs   int   // that were matched with a path, for tests
}

func newAllowIndex(list []Allow) *allowIndex {
	x := &allowIndex{byFingerprint: make(map[string][]int), inPlaces: make(map[string][]int), byHead: make(map[string][]int)}
	for i := range list {
		switch a := &list[i]; {
		case a.Path == "":
			x.byFingerprint[a.Fingerprint] = append(x.byFingerprint[a.Fingerprint], i)
		case a.Fingerprint != "":
			x.inPlaces[a.Fingerprint] = append(x.inPlaces[a.Fingerprint], i)
		default:
			head := headOf(a.Path)
			x.byHead[head] = append(x.byHead[head], i)
		}
	}
	for head := range x.byHead {
		x.lengths = append(x.lengths, len(head))
	}
	slices.Sort(x.lengths)
	x.lengths = slices.Compact(x.lengths)
	return x
}

// headOf returns what a glob has before its first special character. A slash
// before that is not part of it: a/** matches a as well.
func headOf(glob string) string {
	if i := strings.IndexAny(glob, `*?[{\`); i >= 0 {
		return strings.TrimSuffix(glob[:i], "/")
	}
	return glob
}

// ofKey returns the entries that name the key with this fingerprint, in their
// order.
func (x *allowIndex) ofKey(fingerprint string) []int {
	list := slices.Concat(x.byFingerprint[fingerprint[:16]], x.byFingerprint[fingerprint])
	slices.Sort(list)
	return list
}

// ofPath returns the entries that speak of a path and of a key with one of these
// fingerprints, in their order.
func (x *allowIndex) ofPath(list []Allow, path string, fingerprints []string) (found []int) {
	match := func(i int) {
		x.globs++
		if doublestar.MatchUnvalidated(list[i].Path, path) {
			found = append(found, i)
		}
	}
	for _, n := range x.lengths {
		if n > len(path) {
			break
		}
		for _, i := range x.byHead[path[:n]] {
			match(i)
		}
	}
	for _, f := range fingerprints {
		for _, i := range slices.Concat(x.inPlaces[f[:16]], x.inPlaces[f]) {
			match(i)
		}
	}
	slices.Sort(found)
	return slices.Compact(found)
}
