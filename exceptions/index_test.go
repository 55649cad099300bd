package exceptions

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/bmatcuk/doublestar/v4"

	"keysweep/finding"
)

func TestTheIndexFindsWhatEachEntrySays(t *testing.T) {
	list := []Allow{{Path: "a/**"}, {Path: "a"}, {Path: "**/x"}, {Path: "a/{b,c}/*"}, {Path: `a/\*`}, {Path: "[ab]/x"}, {Path: "a/b/x"}, {Path: "ab*"}, {Path: "*"},
		{Fingerprint: "0123456789abcdef"}, {Path: "a/b/"},
		{Fingerprint: "0123456789abcdef", Path: "a/**"}, {Fingerprint: strings.Repeat("0123456789abcdef", 4), Path: "**/x"}, {Fingerprint: "1111111111111111", Path: "**"}}
	key := strings.Repeat("0123456789abcdef", 4)
	x := newAllowIndex(list)
	for _, path := range []string{"a", "a/b", "a/b/x", "a/c/y", "a/*", "b/x", "x", "abc", "", "a/b/c/d/x"} {
		for _, fingerprints := range [][]string{nil, {key}, {strings.Repeat("2", 64), key}} {
			var want []int
			for i, a := range list {
				named := a.Fingerprint == "" || slices.ContainsFunc(fingerprints, a.Names)
				if a.Path != "" && named && doublestar.MatchUnvalidated(a.Path, path) {
					want = append(want, i)
				}
			}
			if got := x.ofPath(list, path, fingerprints); !slices.Equal(got, want) {
				t.Errorf("%s of %v: %v, want %v", path, fingerprints, got, want)
			}
		}
	}
	if got := x.ofKey(key); !slices.Equal(got, []int{9}) {
		t.Errorf("of a key: %v", got)
	}
}

// As many entries as there are files cost what either costs, not their product.
func TestEntriesAreNotAskedOneByOne(t *testing.T) {
	for _, n := range []int{500, 1000, 2000} {
		set := &Set{}
		res := &finding.Result{Started: now}
		for i := range n {
			set.Allows = append(set.Allows, Allow{Path: fmt.Sprintf("testdata/%d/**", i), Reason: "r"}, Allow{Fingerprint: secret(fmt.Sprint(i)).ID(), Reason: "r"})
			res.Findings = append(res.Findings, found(secret(fmt.Sprint("other", i)), in(fmt.Sprintf("testdata/%d/a.env", i), "")))
		}
		set.Mark(res)
		if set.index.globs > 4*n { // testdata/1 begins testdata/17, too
			t.Errorf("%d entries and %d files: %d globs matched with paths", n, n, set.index.globs)
		}
		if i := slices.IndexFunc(res.Findings, func(f *finding.Finding) bool { return f.Suppressed == nil }); i >= 0 {
			t.Errorf("finding %d is not accepted", i)
		}
		t.Logf("%d entries, %d files: %d globs matched", n, n, set.index.globs)
	}
}
