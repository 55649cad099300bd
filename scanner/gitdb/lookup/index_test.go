package lookup

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"runtime"
	"strings"
	"testing"

	"keysweep/scanner/gitdb/index"
	"keysweep/scanner/gitdb/oid"
)

func TestOpenIndexReadsWhatReadReads(t *testing.T) {
	r := newRepo(t)
	for i := range 50 {
		r.Write(fmt.Sprintf("a/b%d/c", i), "x")
	}
	r.Commit("1")
	whole, err := os.ReadFile(filepath.Join(r.Dir, ".git", "index"))
	if err != nil {
		t.Fatal(err)
	}
	version4 := func() []byte {
		r.Git("update-index", "--index-version", "4")
		b, err := os.ReadFile(filepath.Join(r.Dir, ".git", "index"))
		if err != nil {
			t.Fatal(err)
		}
		return b
	}()
	dir := t.TempDir()
	for _, tt := range []struct {
		name string
		data []byte
	}{
		{"of version 2", whole},
		{"of version 4", version4},
		{"empty file", nil},
		{"truncated", whole[:len(whole)/2]},
		{"one bit is wrong", append(bytes.Clone(whole[:100]), append([]byte{whole[100] ^ 1}, whole[101:]...)...)},
		{"of version 9", append([]byte("DIRC\x00\x00\x00\x09"), whole[8:]...)},
	} {
		t.Run(tt.name, func(t *testing.T) {
			path := filepath.Join(dir, strings.ReplaceAll(tt.name, " ", "-"))
			if err := os.WriteFile(path, tt.data, 0o600); err != nil {
				t.Fatal(err)
			}
			want, wantErr := index.Read(path, oid.SHA1)
			got, err := OpenIndex(path, oid.SHA1)
			if wantErr != nil {
				if err == nil || err.Error() != wantErr.Error() || errors.Is(err, index.ErrCorrupt) != errors.Is(wantErr, index.ErrCorrupt) || errors.Is(err, index.ErrUnsupported) != errors.Is(wantErr, index.ErrUnsupported) {
					t.Errorf("error %v, want %v", err, wantErr)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			defer got.Close()
			if got.Len() != len(want.Entries) {
				t.Fatalf("%d entries, want %d", got.Len(), len(want.Entries))
			}
			for i, e := range want.Entries {
				if !reflect.DeepEqual(got.At(i), e) {
					t.Errorf("entry %d is %+v, want %+v", i, got.At(i), e)
				}
			}
		})
	}
	if x, err := OpenIndex(filepath.Join(dir, "none"), oid.SHA1); err != nil || x.Len() != 0 {
		t.Errorf("without a file: %v", err)
	}
}

func TestAnIndexCutShortUnderUsIsAnError(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("the file is not mapped here")
	}
	r := newRepo(t)
	for i := range 400 {
		r.Write(fmt.Sprintf("a/b%d/c", i), "x")
	}
	r.Commit("1")
	db := lookupDB(t, r.Dir, 1)
	path := filepath.Join(db.repo.GitDir, "index")
	x, err := OpenIndex(path, oid.SHA1)
	if err != nil {
		t.Fatal(err)
	}
	defer x.Close()
	if err := os.Truncate(path, 100); err != nil {
		t.Fatal(err)
	}
	err = db.NewDiffer(0).Staged(context.Background(), &x.Index, nil, func(*Introduced) error { return nil })
	if !errors.Is(err, index.ErrCorrupt) {
		t.Errorf("error %v", err)
	}
}
