package lookup

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"runtime"
	"sort"

	"keysweep/scanner/gitdb/index"
	"keysweep/scanner/gitdb/oid"
	"keysweep/scanner/gitdb/pack"
)

// Index is an index whose entries are in a mapped file: only Find and Differ.Staged
// may read them, and nothing after Close. Reading the file into memory takes as long
// as all else that a hook does.
type Index struct {
	index.Index
	mapped []byte
}

// OpenIndex is index.Read for Differ.Staged; where there is no file, the index is
// empty. The errors are those of index.Read.
func OpenIndex(path string, format oid.Format) (*Index, error) {
	if info, err := os.Stat(path); runtime.GOOS == "windows" || err != nil || info.Size() > maxMappedIndex {
		// On Windows a mapped file cannot be replaced.
		return readIndex(path, format)
	}
	data, err := pack.Map(path)
	if err != nil {
		return readIndex(path, format) // which says what is wrong
	}
	x := &Index{mapped: data}
	err = pack.Guard(func() error {
		whole, err := index.ParseCompact(data, format)
		if err == nil {
			x.Index = *whole
		}
		return err
	})
	if err != nil {
		x.Close()
		return readIndex(path, format) // likewise, or it is half of one
	}
	return x, nil
}

// maxMappedIndex is where index.Read, which refuses larger ones, has its limit.
const maxMappedIndex = 512 << 20

func readIndex(path string, format oid.Format) (*Index, error) {
	x, err := index.Read(path, format)
	if errors.Is(err, fs.ErrNotExist) {
		return new(Index), nil // as git has it
	}
	if err != nil {
		return nil, err
	}
	return &Index{Index: *x}, nil
}

// Find returns what is staged at path, and false if nothing is, or only announced
// (git add -N). Of a conflict, stage 1 is what both sides had, 2 ours and 3 theirs; all
// else is stage 0. The error wraps index.ErrCorrupt: the file was truncated.
func (x *Index) Find(path string, stage int) (e index.Entry, found bool, err error) {
	err = pack.Guard(func() error {
		at := sort.Search(x.Len(), func(i int) bool { return x.At(i).Path >= path })
		for ; at < x.Len() && x.At(at).Path == path; at++ {
			if e = x.At(at); int(e.Stage) == stage && !e.IntentToAdd {
				e.Path, e.ID, found = path, bytes.Clone(e.ID), true
				break
			}
		}
		return nil
	})
	if err != nil {
		err = fmt.Errorf("%w: %w", index.ErrCorrupt, err)
	}
	return e, found, err
}

// Close unmaps the file.
func (x *Index) Close() {
	pack.Unmap(x.mapped)
	x.mapped, x.Index = nil, index.Index{}
}
