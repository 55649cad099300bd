package file

import (
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"testing"
)

// Not elsewhere are the share of the scanned folder, shares that the user names, and
// what git has just read.
func TestWhatAGuardAllows(t *testing.T) {
	base, other, own := "/net/host.invalid/x", "/net/other.invalid/x", "/net/host.invalid"
	if runtime.GOOS == "windows" {
		base, other, own = `\\host.invalid\share\x`, `\\other.invalid\share\x`, "//host.invalid/share"
	}
	for _, tt := range []struct {
		name        string
		reach       Reach
		base        string
		own, others bool // the path is allowed
	}{
		{"a folder of this disk", Reach{}, t.TempDir(), false, false},
		{"a folder of the share", Reach{}, base, true, false},
		{"--allow-share", Reach{Shares: []string{own}}, t.TempDir(), true, false},
		{"a hook of git", Reach{AsGit: true}, t.TempDir(), true, true},
	} {
		for path, want := range map[string]bool{base: tt.own, filepath.Join(base, "y"): tt.own, other: tt.others} {
			g := tt.reach.Guard(tt.base)
			g.resolve()
			_, err := g.judge("/", path)
			if tt.reach.AsGit {
				_, err = g.Path("/", path)
			}
			if (err == nil) != want || err != nil && !errors.Is(err, ErrElsewhere) {
				t.Errorf("%s: %s: %v", tt.name, path, err)
			}
		}
	}
}

// A link is judged by where it leads, one step at a time.
func TestLinksAreJudgedOnTheWay(t *testing.T) {
	if runtime.GOOS == "windows" {
		return // os.Symlink opens what it names
	}
	dir := t.TempDir()
	for from, to := range map[string]string{"near": "file", "far": "/net/host.invalid/x", "chain": "far/y", "device": "/dev/tty"} {
		if err := os.Symlink(to, filepath.Join(dir, from)); err != nil {
			t.Skip(err)
		}
	}
	for name, want := range map[string]bool{"near": true, "far": false, "far/z": false, "chain": false, "device": false, "none": true, "near/../far": false} {
		if err := (Reach{}).Guard(dir).Links(dir + "/" + name); errors.Is(err, ErrElsewhere) == want || want && err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}
