package pack

import (
	"context"
	"errors"
	"io"
	"testing"

	"keysweep/scanner/gitdb/oid"
)

func TestContentIsReadUpToWhatItMayInflateTo(t *testing.T) {
	file := newPackFile()
	for range 3 {
		file.add(3, nil, make([]byte, 1000))
	}
	path := file.write(t)
	for _, tt := range []struct {
		limit    uint64
		entries  int
		inflated uint64
	}{{999, 0, 0}, {1000, 1, 1000}, {2999, 2, 2000}, {3000, 3, 3000}, {1 << 40, 3, 3000}} {
		p, err := OpenContent(context.Background(), path, oid.SHA1, tt.limit)
		if err != nil {
			t.Fatal(err)
		}
		if isCut := errors.Is(p.CutErr, ErrTooLarge); p.Count() != tt.entries || p.Inflated() != tt.inflated || isCut != (tt.entries < 3) {
			t.Errorf("limit %d: %d entries of %d bytes, %v", tt.limit, p.Count(), p.Inflated(), p.CutErr)
		}
		p.Close()
	}
}

func TestWhatAnEntryItselfHolds(t *testing.T) {
	file := newPackFile()
	file.add(3, nil, []byte("a whole object"))
	file.add(refDelta, refBase(blobID("elsewhere")), append([]byte{9, 8}, append(copyOp(0, 5), "\x03new"...)...))
	path := file.write(t)
	p, err := OpenContent(context.Background(), path, oid.SHA1, 1<<20)
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	for entry, want := range []string{"a whole object", " \nnew"} {
		r, err := p.Stored(p.Offset(entry))
		if err != nil {
			t.Fatal(err)
		}
		if got, err := io.ReadAll(r); err != nil || string(got) != want {
			t.Errorf("entry %d: %q, %v", entry, got, err)
		}
	}
	for _, offset := range []uint64{0, p.end(), 1 << 62} {
		if r, err := p.Stored(offset); err == nil {
			got, err := io.ReadAll(r)
			t.Errorf("at %d: %q, %v", offset, got, err)
		}
	}
}
