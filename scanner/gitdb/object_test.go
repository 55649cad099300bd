package gitdb

import (
	"bytes"
	"errors"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"keysweep/scanner/gitdb/gittest"
	"keysweep/scanner/gitdb/oid"
	"keysweep/scanner/gitdb/pack"
)

func FuzzCommit(f *testing.F) {
	f.Add([]byte("tree 4b825dc642cb6eb9a060e54bf8d69288fbee4904\nparent 4b825dc642cb6eb9a060e54bf8d69288fbee4904\nauthor A <a@b> 1 +0\ncommitter > <c@d> 17 +0000\n\nm"))
	f.Fuzz(func(t *testing.T, b []byte) {
		c, err := ParseCommit(b)
		if err == nil && (c.Date < 0 || len(c.Parents)*48 > len(b)) {
			t.Fatalf("%+v", c)
		}
	})
}

func FuzzTag(f *testing.F) {
	f.Add([]byte("object 4b825dc642cb6eb9a060e54bf8d69288fbee4904\ntype commit\ntag v1\ntagger A <a@b> 1 +0\n\nm"))
	f.Fuzz(func(t *testing.T, b []byte) {
		if g, err := ParseTag(b); err == nil && g.Date < 0 {
			t.Fatalf("%+v", g)
		}
	})
}

func TestWhatIsLeftOfALooseObjectIsRead(t *testing.T) {
	rnd := rand.New(rand.NewPCG(9, 9))
	for _, size := range []int{1000, 2 * looseMapOver, looseStreamOver + 1} {
		content := make([]byte, size) // which does not compress
		for i := range content {
			content[i] = byte(rnd.Uint32())
		}
		r := gittest.New(t)
		r.Write("a", string(content))
		l := LooseObject{Dir: filepath.Join(r.Dir, ".git", "objects")}
		l.ID, _ = oid.Parse([]byte(strings.TrimSpace(r.Git("hash-object", "-w", "a"))))
		stored, err := os.ReadFile(l.Path())
		if err != nil {
			t.Fatal(err)
		}
		if err := os.Remove(l.Path()); err != nil { // git made it read-only
			t.Fatal(err)
		}
		lr := new(Repository).NewLooseReader(nil, pack.NewBudget(0), 0)
		for _, tt := range []struct {
			name    string
			stored  []byte
			least   int // bytes of the content that are read
			damaged bool
		}{
			{"whole", stored, size, false},
			{"with more behind", append(slices.Clone(stored), "behind"...), size, false},
			{"truncated", stored[:len(stored)/2], size / 3, true},
			{"without its checksum", stored[:len(stored)-4], size, true},
			{"empty", nil, 0, true},
		} {
			if err := os.WriteFile(l.Path(), tt.stored, 0o600); err != nil {
				t.Fatal(err)
			}
			var got []byte
			err := lr.Read(l, func(o *pack.Object) error {
				if got = slices.Clone(o.Data); o.Stream != nil {
					got, _ = io.ReadAll(o.Stream)
				}
				return nil
			})
			if errors.Is(err, pack.ErrCorrupt) != tt.damaged || len(got) < tt.least || !bytes.Equal(got, content[:len(got)]) {
				t.Errorf("%d bytes, %s: %d read, %v", size, tt.name, len(got), err)
			}
			if tt.name == "empty" && err.Error() != "corrupt: loose object: damaged within its header" {
				t.Errorf("empty: %v", err)
			}
		}
	}
}

func FuzzLoose(f *testing.F) {
	r := gittest.New(f)
	r.Write("a.txt", "content\n")
	r.Commit("one")
	for _, rev := range []string{"HEAD", "HEAD^{tree}", "HEAD:a.txt"} {
		b, err := os.ReadFile(r.LoosePath(strings.TrimSpace(r.Git("rev-parse", rev))))
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b)
	}
	dir := f.TempDir()
	l := LooseObject{ID: oid.ID{1, 2, 3}, Dir: dir}
	if err := os.MkdirAll(filepath.Dir(l.Path()), 0o755); err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		if err := os.WriteFile(l.Path(), b, 0o600); err != nil {
			t.Fatal(err)
		}
		lr := new(Repository).NewLooseReader(nil, pack.NewBudget(1<<20), 1<<20)
		_ = lr.Read(l, func(o *pack.Object) error {
			if o.Stream != nil {
				_, err := io.Copy(io.Discard, io.LimitReader(o.Stream, 1<<24))
				return err
			}
			if uint64(len(o.Data)) != o.Size {
				t.Fatalf("%d bytes, size %d", len(o.Data), o.Size)
			}
			return nil
		})
	})
}
