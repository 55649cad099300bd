package lookup

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"keysweep/file"
	"keysweep/scanner/gitdb"
	"keysweep/scanner/gitdb/oid"
)

// Configurations at random, and what git says that the marks mean in them.
func TestUpstreamAndPushAreThoseOfGit(t *testing.T) {
	r := newRepo(t)
	for i := range 4 {
		r.Commit(fmt.Sprint(i))
	}
	for i, ref := range []string{"heads/topic", "heads/a.b", "heads/up/stream", "remotes/origin/main", "remotes/origin/topic", "remotes/fork/topic", "remotes/fork/main", "remotes/fork/mine/a.b", "remotes/origin/up/stream"} {
		r.Git("update-ref", "refs/"+ref, fmt.Sprintf("HEAD~%d", i%4))
	}
	config := r.Git("config", "--list", "--local")
	rng := rand.New(rand.NewPCG(3, 3))
	pick := func(list ...string) string { return list[rng.IntN(len(list))] }
	revs := []string{"@{u}", "@{push}", "topic@{u}", "topic@{push}", "a.b@{u}", "a.b@{push}", "up/stream@{upstream}", "up/stream@{push}", "HEAD@{push}"}
	named, without := 0, 0
	for seed := range 60 {
		var b strings.Builder
		for line := range strings.Lines(config) {
			name, value, _ := strings.Cut(strings.TrimSpace(line), "=")
			section, key, _ := strings.Cut(name, ".")
			fmt.Fprintf(&b, "[%s]\n\t%s = %s\n", section, key, value)
		}
		for _, remote := range []string{"origin", "fork"} {
			if rng.IntN(5) == 0 {
				continue
			}
			fmt.Fprintf(&b, "[remote %q]\n\turl = ../%s\n", remote, remote)
			for range rng.IntN(3) {
				fmt.Fprintf(&b, "\tfetch = %s\n", pick("+refs/heads/*:refs/remotes/"+remote+"/*", "refs/heads/topic:refs/remotes/"+remote+"/main", "^refs/heads/main", "+refs/heads/a*:refs/remotes/"+remote+"/mine/a*"))
			}
			if rng.IntN(4) == 0 {
				fmt.Fprintf(&b, "\tpush = %s\n", pick("refs/heads/*:refs/heads/*", "refs/heads/topic:refs/heads/main", "HEAD:refs/for/main", "refs/heads/a.b"))
			}
			if rng.IntN(6) == 0 {
				b.WriteString("\tmirror = true\n")
			}
		}
		for _, branch := range []string{"main", "topic", "a.b", "up/stream"} {
			fmt.Fprintf(&b, "[branch %q]\n\tdescription = x\n", branch)
			if rng.IntN(4) > 0 {
				fmt.Fprintf(&b, "\tremote = %s\n", pick("origin", "origin", "fork", "."))
			}
			if rng.IntN(4) > 0 {
				fmt.Fprintf(&b, "\tmerge = refs/heads/%s\n", pick(branch, branch, "main", "topic"))
			}
			if rng.IntN(5) == 0 {
				fmt.Fprintf(&b, "\tpushRemote = %s\n", pick("origin", "fork"))
			}
		}
		if rng.IntN(3) == 0 {
			fmt.Fprintf(&b, "[remote]\n\tpushDefault = %s\n", pick("origin", "fork"))
		}
		if rng.IntN(3) > 0 {
			fmt.Fprintf(&b, "[push]\n\tdefault = %s\n", pick("nothing", "current", "upstream", "simple", "matching", "tracking"))
		}
		r.Write(".git/config", b.String())
		repo, err := gitdb.Open(r.Dir, file.Reach{})
		if err != nil {
			t.Fatal(err)
		}
		db, err := Open(t.Context(), repo, gitdb.OpenOptions{})
		if err != nil {
			t.Fatal(err)
		}
		for _, rev := range revs {
			want := r.revParse(rev)
			id, err := db.Resolve(t.Context(), rev)
			if got := id.String(); err == nil && got != want || err != nil && want != "" {
				t.Errorf("configuration %d, %s: %s, %v; git says %q\n%s", seed, rev, got, err, want, b.String())
			}
			if err == nil {
				named++
			} else {
				without++
			}
		}
		db.Close()
	}
	t.Logf("%d revisions, of them %d name nothing", named+without, without)
}

func TestWhatTwoCommitsShareIsWhatGitMergeBaseHas(t *testing.T) {
	r := newRepo(t)
	randomRepo(t, r, 18)
	r.Git("checkout", "-q", "--orphan", "alone")
	r.Commit("of nothing")
	repo, err := gitdb.Open(r.Dir, file.Reach{})
	if err != nil {
		t.Fatal(err)
	}
	db, err := Open(t.Context(), repo, gitdb.OpenOptions{})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	commits := strings.Fields(r.Git("rev-list", "--all"))
	rng := rand.New(rand.NewPCG(5, 5))
	for range 60 {
		a, b := commits[rng.IntN(len(commits))], commits[rng.IntN(len(commits))]
		var ends [2]oid.ID
		for i, rev := range []string{a, b} {
			ends[i], _ = oid.Parse([]byte(rev))
		}
		bases, err := db.Bases(t.Context(), ends[0], ends[1])
		if err != nil {
			t.Fatal(err)
		}
		rng, err := db.NewRange(t.Context(), RangeOptions{Include: ends[:], Exclude: bases})
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, c := range rng.Commits {
			got = append(got, c.ID.String())
		}
		want := strings.Fields(r.Git("rev-list", a+"..."+b))
		slices.Sort(got)
		slices.Sort(want)
		if !slices.Equal(got, want) {
			t.Errorf("%s...%s: %d commits, git says %d", a, b, len(got), len(want))
		}
	}
}
