package pack

import (
	"bufio"
	"bytes"
	"context"
	"crypto/sha1"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"keysweep/scanner/gitdb/oid"
)

// git runs git in dir with fixed dates and no configuration but the
// repository's.
func git(t testing.TB, dir string, args ...string) string {
	t.Helper()
	cmd := exec.Command("git", args...)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "GIT_CONFIG_GLOBAL=/dev/null", "GIT_CONFIG_NOSYSTEM=1",
		"GIT_AUTHOR_NAME=A", "GIT_AUTHOR_EMAIL=a@example.org", "GIT_AUTHOR_DATE=1700000000 +0000",
		"GIT_COMMITTER_NAME=A", "GIT_COMMITTER_EMAIL=a@example.org", "GIT_COMMITTER_DATE=1700000000 +0000")
	var errs bytes.Buffer
	cmd.Stderr = &errs
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("git %s: %v\n%s", strings.Join(args, " "), err, errs.String())
	}
	return string(out)
}

// packedRepository returns the pack of a new repository with many versions of
// a few files.
func packedRepository(t testing.TB, repackArgs ...string) (dir, packPath string) {
	t.Helper()
	dir = t.TempDir()
	git(t, dir, "init", "-q", "-b", "main")
	for i := range 30 {
		var b strings.Builder
		for line := range 200 {
			v := line
			if line%30 == i%30 {
				v = i * 1000
			}
			fmt.Fprintf(&b, "line %d has the value %x\n", line, sha1.Sum(fmt.Appendf(nil, "%d", v)))
		}
		sub := filepath.Join(dir, fmt.Sprintf("dir%d", i%3), "deep")
		if err := os.MkdirAll(sub, 0o755); err != nil {
			t.Fatal(err)
		}
		for _, name := range []string{filepath.Join(dir, "a.txt"), filepath.Join(sub, "b.txt"), filepath.Join(sub, fmt.Sprintf("c%d.txt", i))} {
			if err := os.WriteFile(name, []byte(b.String()[i:]), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		git(t, dir, "add", "-A")
		git(t, dir, "commit", "-q", "-m", fmt.Sprintf("commit %d", i))
	}
	git(t, dir, "tag", "-a", "-m", "a tag", "v1")
	git(t, dir, append(slices.Clone(repackArgs), "repack", "-adfq", "--depth=50")...)
	packs, err := filepath.Glob(filepath.Join(dir, ".git/objects/pack/*.pack"))
	if err != nil || len(packs) != 1 {
		t.Fatalf("packs %v, %v", packs, err)
	}
	return dir, packs[0]
}

// digests is a visitor that keeps the hash of every object's content.
type digests struct {
	mu    sync.Mutex
	pack  *Pack
	sums  map[string]string // by id
	fails []string
}

func (d *digests) Visit(o *Object) (bool, error) {
	h := sha1.New()
	if o.Stream != nil {
		if _, err := io.Copy(h, o.Stream); err != nil {
			return false, nil
		}
	} else {
		h.Write(o.Data)
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.sums[d.pack.ID(o.Entry).String()] = fmt.Sprintf("%s %d %x", o.Type, o.Size, h.Sum(nil))
	return false, nil
}

func (d *digests) Fail(entry, count int, err error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.fails = append(d.fails, fmt.Sprintf("%d x%d: %v", d.pack.Offset(entry), count, err))
}

func walkDigests(t testing.TB, p *Pack, workers int) *digests {
	t.Helper()
	d := &digests{pack: p, sums: make(map[string]string)}
	if err := p.Walk(context.Background(), WalkOptions{Workers: workers, NewVisitor: func() Visitor { return d }}); err != nil {
		t.Fatal(err)
	}
	return d
}

func digest(typ, content string) string {
	return fmt.Sprintf("%s %d %x", typ, len(content), sha1.Sum([]byte(content)))
}

// gitDigests asks git for the same.
func gitDigests(t testing.TB, dir string) map[string]string {
	t.Helper()
	cmd := exec.Command("git", "-C", dir, "cat-file", "--batch-all-objects", "--unordered", "--batch")
	cmd.Stderr = os.Stderr
	pipe, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	out := bufio.NewReaderSize(pipe, 1<<20)
	sums := make(map[string]string)
	for {
		line, err := out.ReadString('\n')
		if err == io.EOF {
			break
		}
		var id, typ string
		var size int64
		if _, err := fmt.Sscan(line, &id, &typ, &size); err != nil {
			t.Fatal(err)
		}
		h := sha1.New()
		if _, err := io.CopyN(h, out, size); err != nil {
			t.Fatal(err)
		}
		_, _ = out.Discard(1)
		sums[id] = fmt.Sprintf("%s %d %x", typ, size, h.Sum(nil))
	}
	if err := cmd.Wait(); err != nil {
		t.Fatal(err)
	}
	return sums
}

// TestEveryObjectOfRealRepositories is TestEveryObjectIsWhatGitSaysItIs for the
// repositories, one pack each, that KEYSWEEP_TRUTH names, separated by colons.
func TestEveryObjectOfRealRepositories(t *testing.T) {
	for _, dir := range filepath.SplitList(os.Getenv("KEYSWEEP_TRUTH")) {
		t.Run(dir, func(t *testing.T) {
			packs, _ := filepath.Glob(filepath.Join(dir, "objects/pack/*.pack"))
			if len(packs) != 1 {
				t.Fatalf("packs %v", packs)
			}
			p, err := openNamed(packs[0])
			if err != nil || p.IndexErr != nil {
				t.Fatal(err, p.IndexErr)
			}
			defer p.Close()
			got, want := walkDigests(t, p, 2), gitDigests(t, dir)
			bad := 0
			for id, sum := range want {
				if got.sums[id] != sum {
					bad++
				}
			}
			if bad > 0 || len(got.sums) != len(want) || len(got.fails) > 0 {
				t.Errorf("%d of %d objects differ, %d failures", bad, len(want), len(got.fails))
			}
			t.Logf("%d objects, as git has them", len(want))
		})
	}
}

func BenchmarkWalk(b *testing.B) {
	path := os.Getenv("KEYSWEEP_BENCH_PACK")
	if path == "" {
		_, path = packedRepository(b)
	}
	p, err := openNamed(path)
	if err != nil {
		b.Fatal(err)
	}
	defer p.Close()
	for b.Loop() {
		if err := p.Walk(context.Background(), WalkOptions{Workers: 2, NewVisitor: func() Visitor { return nothing{} }}); err != nil {
			b.Fatal(err)
		}
	}
	b.SetBytes(p.Size())
}

type nothing struct{}

func (nothing) Visit(o *Object) (bool, error) {
	if o.Stream != nil {
		_, _ = io.Copy(io.Discard, o.Stream)
	}
	return false, nil
}
func (nothing) Fail(_, _ int, err error) { panic(err) }

func TestEveryObjectIsWhatGitSaysItIs(t *testing.T) {
	for _, c := range []struct {
		name string
		args []string
	}{
		{"offset deltas", nil},
		{"ref deltas", []string{"-c", "repack.useDeltaBaseOffset=false"}},
		{"an index of version 1", []string{"-c", "pack.indexVersion=1"}},
		{"no deltas", []string{"-c", "pack.window=0"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			dir, path := packedRepository(t, c.args...)
			want := gitDigests(t, dir)
			for _, without := range []bool{false, true} {
				open := Open
				if without {
					open = OpenWithoutIndex
				}
				p, err := open(context.Background(), path, oid.SHA1, 2)
				if err != nil {
					t.Fatal(err)
				}
				defer p.Close()
				if !without && p.IndexErr != nil {
					t.Errorf("the index did not serve: %v", p.IndexErr)
				}
				for _, workers := range []int{1, 8} {
					got := walkDigests(t, p, workers)
					if len(got.fails) > 0 {
						t.Errorf("failures: %v", got.fails)
					}
					if len(got.sums) != len(want) {
						t.Errorf("%d objects, git has %d", len(got.sums), len(want))
					}
					for id, sum := range want {
						if got.sums[id] != sum {
							t.Errorf("%s: %q, git says %q", id, got.sums[id], sum)
						}
					}
				}
				if err := p.VerifyTrailer(context.Background()); err != nil {
					t.Error(err)
				}
			}
		})
	}
}
