package pack

import (
	"crypto/sha1"
	"errors"
	"io"
	"os"
	"strings"
	"testing"
	"time"

	"keysweep/scanner/gitdb/oid"
)

// lookupAt opens the pack at path for lookups and reads the entry at offset, with a budget
// for objects of maxObject bytes.
func lookupAt(t *testing.T, path string, offset uint64, limit int64, maxObject uint64) (content string, err error) {
	t.Helper()
	l, err := OpenLookup(path, oid.SHA1)
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	if limit > 0 {
		l.left.left.Store(limit)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		budget := NewBudget(maxObject)
		err = NewLookupReader(budget, maxObject).Read(l, offset, func(o *Object) error {
			content = string(o.Data)
			if o.Stream != nil {
				b, err := io.ReadAll(o.Stream)
				content = string(b)
				return err
			}
			return nil
		})
		if budget.held != 0 {
			t.Errorf("%d bytes of the budget are kept", budget.held)
		}
	}()
	select {
	case <-done:
	case <-time.After(time.Minute):
		t.Fatal("it does not end")
	}
	return content, err
}

func TestLookupsInPacksThatGitWouldNotWrite(t *testing.T) {
	base := "base text"
	for _, tt := range []struct {
		name  string
		build func(p *packFile) // the last entry is read
		limit int64             // bytes that may be unpacked; 0: as usual
		want  string            // content
		fails string            // part of the error
	}{
		{"a delta", func(p *packFile) {
			p.add(3, nil, []byte(base))
			p.add(refDelta, refBase(oid.ID{1}), insertDelta(len(base), "new text"))
		}, 0, "new text", ""},
		{"a delta based on itself", func(p *packFile) {
			p.add(3, nil, []byte(base))
			p.add(refDelta, refBase(oid.ID{2}), insertDelta(8, "new text"))
		}, 0, "", "it is built through more than"},
		{"a base before the pack", func(p *packFile) {
			p.add(3, nil, []byte(base))
			p.add(ofsDelta, []byte{0xff, 0xff, 0x7f}, insertDelta(len(base), "new text"))
		}, 0, "", "delta base before the pack"},
		{"a base in the head of the pack", func(p *packFile) {
			p.add(3, nil, []byte(base))
			p.add(ofsDelta, []byte{byte(p.Len() - 4)}, insertDelta(len(base), "new text"))
		}, 0, "", "no entry at 4"},
		{"a base that is not in the pack", func(p *packFile) {
			p.add(3, nil, []byte(base))
			p.add(refDelta, refBase(oid.ID{9}), insertDelta(len(base), "new text"))
		}, 0, "", "its delta base is not in the pack"},
		{"a base of another size", func(p *packFile) {
			p.add(3, nil, []byte(base))
			p.add(refDelta, refBase(oid.ID{1}), insertDelta(8, "new text"))
		}, 0, "", "delta is for a base of 8 bytes, base has 9"},
		{"as much as a pack may unpack to", func(p *packFile) {
			p.add(3, nil, []byte(base))
			p.add(refDelta, refBase(oid.ID{1}), insertDelta(len(base), "new text"))
		}, 9 + 11 + 8, "new text", ""}, // the base, the delta and what it makes
		{"a byte more", func(p *packFile) {
			p.add(3, nil, []byte(base))
			p.add(refDelta, refBase(oid.ID{1}), insertDelta(len(base), "new text"))
		}, 9 + 11 + 7, "", "the pack unpacks to more than"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			file := newPackFile()
			tt.build(file)
			path := file.write(t)
			writeIndex(t, path, []oid.ID{{1}, {2}}, file.offsets)
			maxObjects := []uint64{0, 4}
			if tt.limit > 0 {
				maxObjects = maxObjects[:1]
			}
			for _, maxObject := range maxObjects { // built, and as a stream
				got, err := lookupAt(t, path, uint64(file.offsets[1]), tt.limit, maxObject)
				if tt.fails == "" && (err != nil || got != tt.want) {
					t.Errorf("%q, %v", got, err)
				}
				if tt.fails != "" && (err == nil || !strings.Contains(err.Error(), tt.fails) || !errors.Is(err, ErrCorrupt) && !errors.Is(err, ErrTooLarge)) {
					t.Errorf("%q, %v, want %s", got, err, tt.fails)
				}
			}
		})
	}
}

func TestABlobWhoseRootHasNoRoomInTheBudgetIsTooLarge(t *testing.T) {
	file := newPackFile()
	file.add(3, nil, make([]byte, 100_000))
	file.add(refDelta, refBase(oid.ID{1}), append(deltaHead(100_000, 100), insertOp(strings.Repeat("a new text", 10))...))
	path := file.write(t)
	writeIndex(t, path, []oid.ID{{1}, {2}}, file.offsets)
	l, err := OpenLookup(path, oid.SHA1)
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	for limit, fits := range map[int64]bool{spliceRoom + 100_000: false, spliceRoom + 101_000: true} {
		budget := newBudget(limit, 0, 50)
		err := NewLookupReader(budget, 50).Read(l, uint64(file.offsets[1]), func(o *Object) error {
			n, err := io.Copy(io.Discard, o.Stream)
			if n != 100 {
				t.Errorf("%d bytes", n)
			}
			return err
		})
		if fits && err != nil || !fits && !errors.Is(err, ErrTooLarge) {
			t.Errorf("a budget of %d bytes: %v", limit, err)
		}
		if budget.Peak() > limit || budget.held != 0 {
			t.Errorf("a budget of %d bytes: at most %d, %d at the end", limit, budget.Peak(), budget.held)
		}
	}
}

func TestAnIndexWhoseIDsDoNotAscendIsUnusable(t *testing.T) {
	file := newPackFile()
	file.add(3, nil, []byte("one"))
	file.add(3, nil, []byte("two"))
	path := file.write(t)
	first, second := oid.ID{7, 1}, oid.ID{7, 2}
	writeIndex(t, path, []oid.ID{first, second}, file.offsets)
	name := strings.TrimSuffix(path, ".pack") + ".idx"
	index, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	copy(index[indexHeader:], second[:20])
	copy(index[indexHeader+20:], first[:20])
	sum := sha1.Sum(index[:len(index)-20])
	copy(index[len(index)-20:], sum[:])
	if err := os.WriteFile(name, index, 0o600); err != nil {
		t.Fatal(err)
	}
	p, err := openNamed(path)
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	if !errors.Is(p.IndexErr, ErrUnusable) || !strings.Contains(p.IndexErr.Error(), "do not ascend") {
		t.Errorf("IndexErr %v", p.IndexErr)
	}
}
