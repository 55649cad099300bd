package worktree

import (
	"context"
	"io"
	"os"
	"strings"
)

// Reread calls fn with the bytes of one regular file that Walk visited: root is
// Walk's, and path was the file's Path. Like Walk, it follows no link and opens
// nothing but a regular file, and calls fn again if the file changes meanwhile:
// see File.Read. Nothing is counted as skipped.
func Reread(ctx context.Context, root, path string, fn func(r io.Reader) error) error {
	info, err := os.Stat(root)
	if err != nil {
		return err
	}
	names := strings.Split(path, "/")
	if !info.IsDir() {
		names = make([]string, 1)
		if root, names[0], err = splitFile(root); err != nil {
			return err
		}
	}
	dir, err := openFolder(root)
	if err != nil {
		return err
	}
	defer dir.close()
	if above := names[:len(names)-1]; len(above) > 0 {
		below, err := dir.sub(above)
		if err != nil {
			return err
		}
		defer below.close()
		dir = below
	}
	w := &walker{ctx: ctx}
	defer context.AfterFunc(ctx, func() { w.stopped.Store(true) })()
	f := File{Path: path, Kind: Regular, dir: dir, name: names[len(names)-1], w: &worker{walker: w}}
	return f.Read(fn)
}
