package scanner

import (
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"testing"

	"keysweep/finding"
	"keysweep/scanner/gitdb"
	"keysweep/scanner/gitdb/oid"
)

// The commit that brought a key in may be in the part of a pack that did not come, and so
// may be HEAD's file: neither is claimed to be known.
func TestAPackThatIsCutClaimsNoFirstSightingAndNoAbsence(t *testing.T) {
	r := newRepo(t, filepath.Join(t.TempDir(), "r"))
	k := keysOf(1, 3)
	for _, text := range []string{"A=" + k[0] + "\n", "A=" + k[0] + "\nnewer\n", "clean\n"} {
		write(t, filepath.Join(r.dir, "a.env"), text)
		r.commit(text[:1])
	}
	r.git("repack", "-adqF", "--window=0") // the blobs are last, the oldest at the end
	packs, err := filepath.Glob(filepath.Join(r.dir, ".git/objects/pack/*.pack"))
	if err != nil || len(packs) != 1 {
		t.Fatal(packs, err)
	}
	whole, err := os.ReadFile(packs[0])
	if err != nil {
		t.Fatal(err)
	}
	head, _ := oid.Parse([]byte(r.git("rev-parse", "HEAD")))
	const address = "git://example.com/r"
	for _, tt := range []struct {
		name string
		cut  int // bytes
		want finding.Answer
	}{
		{"whole", 0, finding.No},
		{"without the end of the oldest blob", 30, finding.NotKnown},
	} {
		res := scanAll(t, Options{Paths: []string{address}, Remotes: map[string]*Remote{address: {
			Fetch: func(_ context.Context, _ []string, w io.Writer) (*Fetched, error) {
				got := &Fetched{Created: gitdb.Created{Head: "refs/heads/main", HeadID: head, Refs: []gitdb.Ref{{Name: "refs/heads/main", ID: head}}}}
				if _, err := w.Write(whole[:len(whole)-tt.cut]); err != nil {
					return got, err
				}
				if tt.cut > 0 {
					return got, errors.New("closed the connection")
				}
				return got, nil
			},
		}}})
		if len(res.Findings) != 1 {
			t.Fatalf("%s: %d findings", tt.name, len(res.Findings))
		}
		f := res.Findings[0]
		known := tt.want != finding.NotKnown
		if f.InHead != tt.want || (f.FirstSeen.Commit != "") != known || (f.Removed.Commit != "") != known || (f.Exposed > 0) != known || finding.Incomplete(res.Skipped) == known {
			t.Errorf("%s: in HEAD %v, first seen %v, removed %v, exposed %v, skipped %v", tt.name, f.InHead, f.FirstSeen, f.Removed, f.Exposed, res.Skipped)
		}
	}
}
