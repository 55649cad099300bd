package pack

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"keysweep/scanner/gitdb/oid"
)

// openNamed opens a pack with two workers, and names its entries if it has no index.
func openNamed(path string) (*Pack, error) {
	p, err := Open(context.Background(), path, oid.SHA1, 2)
	if err != nil {
		return nil, err
	}
	if err := p.NameEntries(context.Background(), 2); err != nil {
		p.Close()
		return nil, err
	}
	return p, nil
}

// packOf makes a repository of files and returns the path of its pack.
func packOf(t *testing.T, files map[string][]byte) string {
	t.Helper()
	dir := t.TempDir()
	git(t, dir, "init", "-q", "-b", "main")
	for name, content := range files {
		if err := os.WriteFile(filepath.Join(dir, name), content, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	git(t, dir, "add", "-A")
	git(t, dir, "commit", "-q", "-m", "all")
	git(t, dir, "-c", "pack.window=0", "repack", "-adfq")
	packs, err := filepath.Glob(filepath.Join(dir, ".git/objects/pack/*.pack"))
	if err != nil || len(packs) != 1 {
		t.Fatalf("packs %v, %v", packs, err)
	}
	return packs[0]
}

// noise returns n bytes that no program can compress.
func noise(seed uint64, n int) []byte {
	r := rand.New(rand.NewPCG(seed, 1))
	b := make([]byte, n)
	for i := 0; i+8 <= n; i += 8 {
		binary.LittleEndian.PutUint64(b[i:], r.Uint64())
	}
	return b
}

// A file that is a pack, which is stored as it is, looks as if it were entries of the
// pack that it is in.
func TestSeveralWorkersFindTheEntriesThatOneFinds(t *testing.T) {
	inner := map[string][]byte{}
	for i := range 40 {
		inner[fmt.Sprint("inner", i)] = noise(uint64(i), 40_000)
		inner[fmt.Sprint("text", i)] = []byte(strings.Repeat(fmt.Sprint("line ", i, "\n"), 400))
	}
	nested, err := os.ReadFile(packOf(t, inner))
	if err != nil {
		t.Fatal(err)
	}
	outer := map[string][]byte{"nested.pack": bytes.Repeat(nested, 3)}
	for i := range 60 {
		outer[fmt.Sprint("outer", i)] = noise(uint64(1000+i), 150_000)
	}
	path := packOf(t, outer)
	f, err := openFile(path, oid.SHA1)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	p := &Pack{file: f}
	count := int(p.declared())
	start := chain{end: packHeader}
	want, stop, err := p.findEntries(t.Context(), start, count, 1)
	if err != nil || len(want) != count || stop != p.end() {
		t.Fatalf("%d of %d entries, %v", len(want), count, err)
	}
	data := p.data[:p.end()]
	if g := newFinder(oid.SHA1).guess(t.Context(), data, 1<<20, p.end()); len(g.list) == 0 {
		t.Error("no chain is guessed")
	}
	for workers := 2; workers <= 5; workers++ {
		got, _, err := p.findEntries(t.Context(), start, count, workers)
		if err != nil || !slices.Equal(got, want) {
			t.Errorf("%d workers: %d entries, want %d; %v", workers, len(got), len(want), err)
		}
	}
	// From a place in the middle, as after an arrival, and with what a trailer would add.
	for _, n := range []int{0, 1, 20, count} {
		c := chain{list: slices.Clone(want[:n]), end: p.end()}
		if n < count {
			c.end = want[n].offset
		} else {
			c.list, c.end = append(c.list, found{offset: p.end()}), p.end()+30
		}
		if got, _, err := p.findEntries(t.Context(), c, count, 3); err != nil || !slices.Equal(got, want) {
			t.Errorf("after %d: %d entries, want %d; %v", n, len(got), len(want), err)
		}
	}
}

// What arrives gets the index that git gives it.
func TestAPackThatArrivesIsReadAsGitReadsIt(t *testing.T) {
	for _, c := range []struct {
		name string
		args []string
	}{
		{"offset deltas", nil},
		{"ref deltas", []string{"-c", "repack.useDeltaBaseOffset=false"}},
		{"no deltas", []string{"-c", "pack.window=0"}},
	} {
		_, path := packedRepository(t, c.args...)
		whole, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		want, err := os.ReadFile(strings.TrimSuffix(path, ".pack") + ".idx")
		if err != nil {
			t.Fatal(err)
		}
		for _, piece := range []int{97, 65_519, len(whole)} {
			dir := t.TempDir()
			in, err := Receive(dir, oid.SHA1, 0)
			if err != nil {
				t.Fatal(err)
			}
			for rest := whole; len(rest) > 0; rest = rest[min(piece, len(rest)):] {
				if _, err := in.Write(rest[:min(piece, len(rest))]); err != nil {
					t.Fatal(err)
				}
			}
			if err := in.End(nil); err != nil {
				t.Fatal(err)
			}
			if err := in.WriteIndex(t.Context(), 2); err != nil {
				t.Fatal(err)
			}
			got, err := os.ReadFile(filepath.Join(dir, filepath.Base(strings.TrimSuffix(in.path, ".pack"))+".idx"))
			if err != nil || !bytes.Equal(got, want) {
				t.Errorf("%s in pieces of %d: the index differs from git's (%d bytes, %d), %v", c.name, piece, len(got), len(want), err)
			}
			if p, err := in.Open(t.Context(), 2); err != nil || p.VerifyTrailer(t.Context()) != nil {
				t.Errorf("%s: %v", c.name, err)
			}
			in.opened.Close()
		}
	}
}

func TestAPackThatIsCutIsReadAsFarAsItCame(t *testing.T) {
	_, path := packedRepository(t)
	whole, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	all, err := openNamed(path)
	if err != nil {
		t.Fatal(err)
	}
	defer all.Close()
	gone := errors.New("gone")
	for _, size := range []int{1, 11, 12, 13, 500, len(whole) / 2, len(whole) - 21, len(whole) - 20, len(whole) - 1} {
		in, err := Receive(t.TempDir(), oid.SHA1, 0)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := in.Write(whole[:size]); err != nil {
			t.Fatal(err)
		}
		if err := in.End(gone); err != nil {
			t.Fatal(err)
		}
		p, err := in.Open(t.Context(), 2)
		if size < packHeader {
			if !errors.Is(err, ErrCorrupt) {
				t.Errorf("%d bytes: %v", size, err)
			}
			continue
		}
		if err != nil {
			t.Fatalf("%d bytes: %v", size, err)
		}
		want := 0
		for want < all.Count() && all.next(want) <= uint64(size) {
			want++
		}
		if p.Count() != want || !errors.Is(p.CutErr, ErrCut) || !errors.Is(p.CutErr, gone) {
			t.Errorf("%d bytes: %d entries, want %d; %v", size, p.Count(), want, p.CutErr)
		}
		p.Close()
	}
}

func TestAPackIsNotLargerThanAllowed(t *testing.T) {
	in, err := Receive(t.TempDir(), oid.SHA1, 10)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		b    string
		n    int
		want error
	}{{"123456", 6, nil}, {"7890", 4, nil}, {"", 0, nil}, {"1", 0, ErrLimit}} {
		if n, err := in.Write([]byte(c.b)); n != c.n || !errors.Is(err, c.want) {
			t.Errorf("%q: %d, %v", c.b, n, err)
		}
	}
	if err := in.End(ErrLimit); err != nil || in.Size() != 10 || !in.IsCut() {
		t.Errorf("%v, %d bytes", err, in.Size())
	}
}
