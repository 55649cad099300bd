package scanner

import (
	"crypto/sha256"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"

	"keysweep/finding"
	"keysweep/rules"
)

// storeLFS writes the content of a file, and its pointer, as git-lfs 3.3.0 does.
func storeLFS(t *testing.T, r *repo, path, content string) (kept string) {
	t.Helper()
	sum := fmt.Sprintf("%x", sha256.Sum256([]byte(content)))
	kept = filepath.Join(r.dir, ".git/lfs/objects", sum[:2], sum[2:4], sum)
	write(t, kept, content)
	write(t, filepath.Join(r.dir, path), fmt.Sprintf("%sv1\noid sha256:%s\nsize %d\n", lfsVersion, sum, len(content)))
	return kept
}

func TestContentThatGitLFSKeepsIsReadWhereverAPointerIs(t *testing.T) {
	k := keysOf(4, 12)
	r := newRepo(t, filepath.Join(t.TempDir(), "r"))
	storeLFS(t, r, "gone.bin", "x\nKEY="+k[0]+"\n")
	first := r.commit("one")
	kept := storeLFS(t, r, "gone.bin", "clean\n")
	storeLFS(t, r, "moved.bin", "KEY="+k[1]+"\n")
	r.commit("two")
	r.git("mv", "moved.bin", "new.bin")
	r.commit("three")
	storeLFS(t, r, "staged.bin", "KEY="+k[2]+"\n")
	r.git("add", ".")
	_ = os.Remove(filepath.Join(r.dir, "staged.bin"))
	unnamed := storeLFS(t, r, "never.bin", "KEY="+k[3]+"\n")
	_ = os.Remove(filepath.Join(r.dir, "never.bin"))
	rel, err := filepath.Rel(r.dir, unnamed)
	if err != nil {
		t.Fatal(err)
	}
	metadata := "metadata " + filepath.ToSlash(rel) + ":1"
	whole := map[string][]string{
		k[0]: {"blob gone.bin:2"}, k[1]: {"blob moved.bin:1", "blob new.bin:1"}, k[2]: {"index staged.bin:1"}, k[3]: {metadata},
	}
	withTree := map[string][]string{k[0]: whole[k[0]], k[1]: append(whole[k[1]], "worktree new.bin:1"), k[2]: whole[k[2]], k[3]: whole[k[3]]}
	for _, c := range []struct {
		name string
		opts Options
		want map[string][]string
	}{
		{"everything", Options{}, withTree},
		{"the history alone", Options{History: true}, whole},
		{"the files alone", Options{Tree: true}, map[string][]string{k[1]: {"worktree new.bin:1"}}},
		{"what is staged", Options{Staged: &Staged{}}, map[string][]string{k[2]: {"index staged.bin:1"}}},
		{"a range", Options{Range: &Range{Include: []string{"HEAD"}, Exclude: []string{"HEAD~1"}}}, map[string][]string{}}, // only moved
		{"a longer range", Options{Range: &Range{Include: []string{"HEAD"}}}, map[string][]string{k[0]: {"blob gone.bin:2"}, k[1]: {"blob moved.bin:1"}}},
		{"without archives", Options{History: true, NoArchives: true}, whole},
	} {
		t.Run(c.name, func(t *testing.T) {
			c.opts.Paths = []string{r.dir}
			res := scanAll(t, c.opts)
			if diff := cmp.Diff(c.want, occurrences(res)); diff != "" || !res.Complete() || len(res.Skipped) > 0 {
				t.Error(diff, res.Skipped)
			}
			for _, f := range res.Findings {
				if f.Secret.Reveal() == k[0] && c.opts.Staged == nil && f.FirstSeen.Commit != first {
					t.Errorf("first seen in %s, want %s", f.FirstSeen.Commit, first)
				}
			}
		})
	}

	set, err := rules.Load(nil)
	if err != nil {
		t.Fatal(err)
	}
	if e, err := Explain(t.Context(), ExplainOptions{What: first + ":gone.bin:2", Repository: r.dir}, set); err != nil || len(e.Keys) != 1 {
		t.Error(e, err)
	}

	// Two pointers for one content, and a scan that has read much for many.
	text, err := os.ReadFile(filepath.Join(r.dir, "new.bin"))
	if err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(r.dir, "again.bin"), string(text)+"x 1\n")
	for already, complete := range map[int64]bool{0: true, keptAgain: false} {
		p, err := Prepare(Options{Paths: []string{r.dir}, Tree: true, Now: fixedClock})
		if err != nil {
			t.Fatal(err)
		}
		p.keptAgain = already
		res, err := p.Scan(t.Context(), set, Accept{})
		p.Close()
		if err != nil || res.Complete() != complete || !complete && res.Skipped[0].Reason != finding.ReasonTooLarge {
			t.Errorf("%d bytes read again before: %v %v", already, res.Skipped, err)
		}
	}
	_ = os.Remove(filepath.Join(r.dir, "again.bin"))

	// Content that cannot be read, or is behind a link.
	if err := os.Remove(kept); err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(kept, "a-folder"), "")
	if res := scanAll(t, Options{Paths: []string{r.dir}, History: true}); res.Complete() || res.Skipped[0].Reason != finding.ReasonUnreadable {
		t.Error(res.Skipped)
	}
	lfs := filepath.Join(r.dir, ".git/lfs")
	if err := os.Rename(lfs, filepath.Join(filepath.Dir(r.dir), "lfs")); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink("../../lfs", lfs); err != nil {
		t.Skip(err)
	}
	res := scanAll(t, Options{Paths: []string{r.dir}, History: true})
	if !res.Complete() || len(res.Findings) > 0 || len(res.Skipped) == 0 || res.Skipped[0].Reason != finding.ReasonLFSPointer {
		t.Error(occurrences(res), res.Skipped)
	}
}
