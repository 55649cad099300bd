package scanner

import (
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// TestSinceListsWhatCameLater: the day of the first commit decides, and what no
// commit holds is new.
func TestSinceListsWhatCameLater(t *testing.T) {
	r := newRepo(t, filepath.Join(t.TempDir(), "r"))
	k := keysOf(4, 7)
	write(t, filepath.Join(r.dir, "old.env"), "A="+k[0]+"\n")
	r.commit("one")
	write(t, filepath.Join(r.dir, "new.env"), "B="+k[1]+"\nA="+k[0]+"\n")
	r.commit("two")
	second := int64(r.clock)
	write(t, filepath.Join(r.dir, "untracked.env"), "C="+k[2]+"\n")
	write(t, filepath.Join(r.dir, "staged.env"), "D="+k[3]+"\n")
	r.git("add", "staged.env") // an object that no commit holds

	for _, tt := range []struct {
		name   string
		since  time.Time
		want   []string
		before int
	}{
		{"of ever", time.Time{}, k, 0},
		{"since the second commit's own second", time.Unix(second, 0), k[1:], 1},
		{"since a second later", time.Unix(second+1, 0), k[2:], 2},
		{"since before the first", time.Unix(1, 0), k, 0},
	} {
		res := scanAll(t, Options{Paths: []string{r.dir}, Since: tt.since})
		var got []string
		for _, f := range res.Findings {
			got = append(got, f.Secret.Reveal())
		}
		slices.Sort(got)
		want := slices.Sorted(slices.Values(tt.want))
		if !slices.Equal(got, want) || res.BeforeSince != tt.before || !res.Since.Equal(tt.since) {
			t.Errorf("%s: %d keys and %d before, want %d and %d", tt.name, len(got), res.BeforeSince, len(want), tt.before)
		}
	}

	// Without a history nothing is known to be old, and the report says so.
	res := scanAll(t, Options{Paths: []string{filepath.Join(r.dir, "old.env")}, Since: time.Unix(second, 0)})
	if len(res.Findings) != 1 || !slices.ContainsFunc(res.Targets[0].Notes, func(s string) bool { return strings.Contains(s, "--since lists every key in it") }) {
		t.Errorf("a single file: %d keys, notes %q", len(res.Findings), res.Targets[0].Notes)
	}
}

// TestSinceDoesNotTrustACommitWithoutADate: what may be new is listed.
func TestSinceDoesNotTrustACommitWithoutADate(t *testing.T) {
	r := newRepo(t, filepath.Join(t.TempDir(), "r"))
	k := keysOf(1, 8)
	write(t, filepath.Join(r.dir, "a.env"), "A="+k[0]+"\n")
	r.git("add", "-A")
	commit := filepath.Join(t.TempDir(), "commit") // git commit itself refuses the date
	write(t, commit, "tree "+r.git("write-tree")+"\nauthor A <a@example.org> 0 +0000\ncommitter A <a@example.org> 0 +0000\n\none\n")
	r.git("update-ref", "HEAD", r.git("hash-object", "-t", "commit", "-w", commit))
	res := scanAll(t, Options{Paths: []string{r.dir}, Since: time.Unix(1_700_000_000, 0)})
	if len(res.Findings) != 1 || res.BeforeSince != 0 {
		t.Errorf("%d keys, %d before", len(res.Findings), res.BeforeSince)
	}
}
