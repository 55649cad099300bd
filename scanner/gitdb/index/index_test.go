package index

import (
	"bytes"
	"crypto/sha1"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"regexp"
	"strings"
	"testing"

	"golang.org/x/text/unicode/norm"

	"keysweep/scanner/gitdb/oid"
)

// git runs git in dir, with no configuration but the repository's.
func git(t testing.TB, dir string, args ...string) string {
	t.Helper()
	cmd := exec.Command("git", append([]string{"-c", "user.name=a", "-c", "user.email=a@example.invalid", "-c", "init.defaultBranch=main", "-c", "core.fsync=none", "-c", "gc.auto=0"}, args...)...)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "GIT_CONFIG_GLOBAL="+os.DevNull, "GIT_CONFIG_NOSYSTEM=1", "LC_ALL=C")
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("git %q: %v\n%s", args, err, stderr.Bytes())
	}
	return string(out)
}

func write(t testing.TB, path, content string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o777); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(content), 0o666); err != nil {
		t.Fatal(err)
	}
}

// asGit writes entries in the form of git ls-files -s -t -v -z --sparse.
func asGit(x *Index) string {
	var b strings.Builder
	for _, e := range x.Entries {
		tag := "H"
		switch {
		case e.Stage != 0:
			tag = "M"
		case e.SkipWorktree:
			tag = "S"
		}
		if e.AssumeValid {
			tag = strings.ToLower(tag)
		}
		fmt.Fprintf(&b, "%s %06o %x %d\t%s\x00", tag, e.Mode, e.ID, e.Stage, e.Path)
	}
	return b.String()
}

// tree fills a work tree and adds it.
func tree(t testing.TB, dir string) {
	t.Helper()
	for i := range 80 {
		write(t, fmt.Sprintf("%s/d%d/e%d/file%d.txt", dir, i%7, i%3, i), fmt.Sprint(i))
	}
	write(t, dir+"/top", "top")
	write(t, dir+"/"+strings.Repeat(strings.Repeat("long", 50)+"/", 18)+"name", "deep")
	write(t, dir+"/d0/name\nwith \xff bytes", "x")
	if err := os.Symlink("top", dir+"/link"); err != nil {
		t.Fatal(err)
	}
	git(t, dir, "add", "-A")
	git(t, dir, "commit", "-qm", "all")
}

func TestEntriesAreWhatGitLists(t *testing.T) {
	intent := regexp.MustCompile(`(?m)flags: ([0-9a-f]+)$`)
	for _, format := range []string{"sha1", "sha256"} {
		for _, tt := range []struct {
			name    string
			prepare func(t *testing.T, dir string)
			check   func(x *Index) bool
		}{
			{"version 2", func(t *testing.T, dir string) {}, func(x *Index) bool { return x.Version == 2 }},
			{"version 3 with an intent to add and a skipped file", func(t *testing.T, dir string) {
				write(t, dir+"/later", "later")
				git(t, dir, "add", "-N", "later")
				git(t, dir, "update-index", "--skip-worktree", "top")
			}, func(x *Index) bool { return x.Version == 3 }},
			{"version 4", func(t *testing.T, dir string) {
				git(t, dir, "update-index", "--index-version", "4")
			}, func(x *Index) bool { return x.Version == 4 }},
			{"version 4 with flags", func(t *testing.T, dir string) {
				git(t, dir, "update-index", "--index-version", "4")
				write(t, dir+"/later", "later")
				git(t, dir, "add", "-N", "later")
				git(t, dir, "update-index", "--assume-unchanged", "link")
			}, func(x *Index) bool { return x.Version == 4 }},
			{"untracked cache", func(t *testing.T, dir string) {
				git(t, dir, "update-index", "--force-untracked-cache")
				write(t, dir+"/new", "new")
				git(t, dir, "status")
			}, nil},
			{"without a checksum", func(t *testing.T, dir string) {
				git(t, dir, "config", "index.skipHash", "true")
				git(t, dir, "add", "-A")
				data, err := os.ReadFile(dir + "/.git/index") // git before 2.40 does not know it
				if err != nil {
					t.Fatal(err)
				}
				n := map[string]int{"sha1": 20, "sha256": 32}[format]
				clear(data[len(data)-n:])
				write(t, dir+"/.git/index", string(data))
			}, nil},
			{"entries by several threads", func(t *testing.T, dir string) {
				git(t, dir, "-c", "index.threads=4", "update-index", "--force-write-index", "--refresh")
			}, nil},
			{"a conflict", func(t *testing.T, dir string) {
				git(t, dir, "checkout", "-qb", "other")
				write(t, dir+"/top", "theirs")
				git(t, dir, "commit", "-qam", "theirs")
				git(t, dir, "checkout", "-q", "main")
				write(t, dir+"/top", "ours")
				git(t, dir, "commit", "-qam", "ours")
				cmd := exec.Command("git", "-c", "user.name=a", "-c", "user.email=a@example.invalid", "merge", "other")
				cmd.Dir = dir
				if err := cmd.Run(); err == nil {
					t.Fatal("the merge has no conflict")
				}
			}, func(x *Index) bool { return x.Entries[len(x.Entries)-1].Stage == 3 }},
			{"a resolved conflict", func(t *testing.T, dir string) {
				git(t, dir, "checkout", "-qb", "other")
				write(t, dir+"/top", "theirs")
				git(t, dir, "commit", "-qam", "theirs")
				git(t, dir, "checkout", "-q", "main")
				write(t, dir+"/top", "ours")
				git(t, dir, "commit", "-qam", "ours")
				cmd := exec.Command("git", "-c", "user.name=a", "-c", "user.email=a@example.invalid", "merge", "other")
				cmd.Dir = dir
				_ = cmd.Run()
				git(t, dir, "add", "top")
			}, nil},
			{"a split index with additions, changes and deletions", split("2"), func(x *Index) bool { return x.Shared != "" }},
			{"a split index of version 4", split("4"), func(x *Index) bool { return x.Shared != "" && x.Version == 4 }},
			{"a split index without changes", func(t *testing.T, dir string) {
				git(t, dir, "update-index", "--split-index")
			}, func(x *Index) bool { return x.Shared != "" }},
			{"a split index that is one again", func(t *testing.T, dir string) {
				split("2")(t, dir)
				git(t, dir, "update-index", "--no-split-index")
			}, func(x *Index) bool { return x.Shared == "" }},
			{"a sparse index", func(t *testing.T, dir string) {
				git(t, dir, "sparse-checkout", "init", "--cone", "--sparse-index")
				git(t, dir, "sparse-checkout", "set", "d1")
			}, func(x *Index) bool { return x.Sparse }},
			{"an empty index", func(t *testing.T, dir string) {
				git(t, dir, "read-tree", "--empty")
			}, func(x *Index) bool { return len(x.Entries) == 0 }},
		} {
			t.Run(format+"/"+tt.name, func(t *testing.T) {
				dir := t.TempDir()
				git(t, dir, "init", "-q", "--object-format="+format)
				tree(t, dir)
				tt.prepare(t, dir)
				hashFormat := map[string]oid.Format{"sha1": oid.SHA1, "sha256": oid.SHA256}[format]
				x, err := Read(dir+"/.git/index", hashFormat)
				if err != nil {
					t.Fatal(err)
				}
				if tt.check != nil && !tt.check(x) {
					t.Errorf("git did not make what the case is about: version %d, sparse %v, shared %q", x.Version, x.Sparse, x.Shared)
				}
				if got, want := asGit(x), git(t, dir, "ls-files", "-s", "-t", "-v", "-z", "--sparse"); got != want {
					t.Errorf("got\n%.3000q\nwant\n%.3000q", got, want)
				}
				flags := intent.FindAllStringSubmatch(git(t, dir, "ls-files", "--debug", "--sparse"), -1)
				if len(flags) != len(x.Entries) {
					t.Fatalf("git lists the flags of %d entries, we have %d", len(flags), len(x.Entries))
				}
				for i, e := range x.Entries {
					f, _ := hex.DecodeString(fmt.Sprintf("%08s", flags[i][1]))
					if got := binary.BigEndian.Uint32(f)&(1<<29) != 0; got != e.IntentToAdd {
						t.Errorf("%q: intent to add is %v, git says %v", e.Path, e.IntentToAdd, got)
					}
				}
			})
		}
	}
}

// split makes a split index that adds, changes and deletes.
func split(version string) func(t *testing.T, dir string) {
	return func(t *testing.T, dir string) {
		git(t, dir, "update-index", "--index-version", version)
		git(t, dir, "config", "splitIndex.maxPercentChange", "100")
		git(t, dir, "update-index", "--split-index")
		write(t, dir+"/a new one", "new")
		write(t, dir+"/zz", "new")
		write(t, dir+"/d3/e0/file3.txt", "changed")
		for i := 60; i < 100; i++ {
			write(t, fmt.Sprintf("%s/d%d/e%d/file%d.txt", dir, i%7, i%3, i), "changed")
		}
		git(t, dir, "add", "-A")
		git(t, dir, "rm", "-qrf", "d5", "top")
	}
}

func TestLookupKnowsFilesFoldersAndWhatASparseIndexLeavesOut(t *testing.T) {
	x := &Index{Entries: []Entry{
		{Path: "A/b"}, {Path: "a-file"}, {Path: "a/b/c"}, {Path: "a0"}, {Path: "left/out/", Mode: ModeFolder}, {Path: "sub", Mode: ModeSubmodule},
		{Path: "twice", Stage: 1}, {Path: "twice", Stage: 2},
	}}
	for _, tt := range []struct {
		path                string
		tracked, under      bool
		folded, foldedUnder bool
	}{
		{"a", false, true, false, true},
		{"A", false, true, false, true},
		{"A/b", true, false, true, true},
		{"a/b", false, true, true, true},
		{"a/B/C", false, false, true, false},
		{"a-file", true, false, true, false},
		{"b", false, false, false, false},
		{"left", false, true, false, true},
		{"left/out", false, true, false, true},
		{"left/out/x", true, true, true, true},
		{"left/OUT/x/y", false, false, true, true},
		{"left/ou", false, false, false, false},
		{"sub", true, false, true, false},
		{"sub/x", false, false, false, false},
		{"twice", true, false, true, false},
		{"zzz", false, false, false, false},
		{"", false, false, false, false},
	} {
		if got := x.Lookup(false).Tracked(tt.path); got != tt.tracked {
			t.Errorf("Tracked(%q) = %v", tt.path, got)
		}
		if got := x.Lookup(false).TrackedUnder(tt.path); got != tt.under {
			t.Errorf("TrackedUnder(%q) = %v", tt.path, got)
		}
		if got := x.Lookup(true).Tracked(tt.path); got != tt.folded {
			t.Errorf("folded: Tracked(%q) = %v", tt.path, got)
		}
		if got := x.Lookup(true).TrackedUnder(tt.path); got != tt.foldedUnder {
			t.Errorf("folded: TrackedUnder(%q) = %v", tt.path, got)
		}
	}
	if got := x.Submodules(); len(got) != 1 || got[0] != "sub" {
		t.Errorf("Submodules() = %q", got)
	}
}

// made builds an index of version 2 from its parts, with a right checksum.
func made(version, count uint32, rest string) []byte {
	b := []byte("DIRC")
	b = binary.BigEndian.AppendUint32(b, version)
	b = binary.BigEndian.AppendUint32(b, count)
	b = append(b, rest...)
	sum := sha1.Sum(b)
	return append(b, sum[:]...)
}

// made1 returns an entry with these flags, path and what is behind it.
func made1(flags uint16, tail string) string {
	b := make([]byte, statSize+20)
	binary.BigEndian.PutUint32(b[modeAt:], 0o100644)
	return string(binary.BigEndian.AppendUint16(b, flags)) + tail
}

func extension(name, body string) string {
	return name + string(binary.BigEndian.AppendUint32(nil, uint32(len(body)))) + body
}

func TestBadIndexesAreRefused(t *testing.T) {
	good := made1(1, "a\x00")
	zeros := strings.Repeat("\x00", 20)
	for _, tt := range []struct {
		name string
		data []byte
		want error // nil: it is good
	}{
		{"one entry", made(2, 1, good), nil},
		{"a path of 5000 bytes", made(2, 1, made1(0xfff, strings.Repeat("p", 5000)+strings.Repeat("\x00", 2))), nil},
		{"no bytes", nil, ErrCorrupt},
		{"another file", []byte(strings.Repeat("hello ", 10)), ErrCorrupt},
		{"version 1", made(1, 0, ""), ErrUnsupported},
		{"version 5", made(5, 0, ""), ErrUnsupported},
		{"a wrong checksum", append(made(2, 1, good)[:12+len(good)], strings.Repeat("x", 20)...), ErrCorrupt},
		{"no checksum", append(made(2, 1, good)[:12+len(good)], zeros...), nil},
		{"four billion entries", made(2, 1<<32-1, good), ErrCorrupt},
		{"more entries than there are", made(2, 2, good), ErrCorrupt},
		{"fewer entries than there are", made(2, 1, good+good), ErrUnsupported},
		{"a path without end", made(2, 1, made1(3, "abc")), ErrCorrupt},
		{"a path without padding", made(2, 1, made1(2, "ab\x00")), ErrCorrupt},
		{"a path of another length", made(2, 1, made1(2, "a\x00")), ErrCorrupt},
		{"no path", made(2, 1, made1(0, "\x00\x00")), ErrCorrupt},
		{"flags of version 3", made(2, 1, made1(0x4001, "\x40\x00a\x00\x00\x00\x00\x00\x00\x00")), ErrCorrupt},
		{"unknown flags", made(3, 1, made1(0x4001, "\x80\x00a\x00\x00\x00\x00\x00\x00\x00")), ErrUnsupported},
		{"flags truncated", made(3, 1, made1(0x4001, "\x40")), ErrCorrupt},
		{"version 4", made(4, 2, made1(2, "\x00ab\x00")+made1(2, "\x01c\x00")), nil},
		{"version 4 cuts more than there is", made(4, 1, made1(1, "\x01a\x00")), ErrCorrupt},
		{"version 4 with an endless number", made(4, 1, made1(1, strings.Repeat("\xff", 30)+"\x00a\x00")), ErrCorrupt},
		{"version 4 ends in a number", made(4, 1, made1(1, "\xff")), ErrCorrupt},
		{"version 4 without NUL", made(4, 1, made1(1, "\x00a")), ErrCorrupt},
		{"version 4 with paths far larger than the file", made(4, 4001,
			made1(0xfff, "\x00"+strings.Repeat("x", 8000)+"\x00")+strings.Repeat(made1(0xfff, "\x00y\x00"), 4000)), ErrCorrupt},
		{"an optional extension", made(2, 1, good+extension("XYZW", "abc")), nil},
		{"a required extension", made(2, 1, good+extension("xyzw", "abc")), ErrUnsupported},
		{"an extension larger than the file", made(2, 1, good+"TREE\xff\xff\xff\xff"), ErrCorrupt},
		{"an extension truncated", made(2, 1, good+"TREE\x00"), ErrCorrupt},
		{"half of a split index", made(2, 1, good+extension("link", strings.Repeat("x", 20))), ErrUnsupported},
		{"a split index without another half", made(2, 1, good+extension("link", zeros)), nil},
		{"a link of too few bytes", made(2, 1, good+extension("link", "x")), ErrCorrupt},
		{"a link with half a bitmap", made(2, 1, good+extension("link", strings.Repeat("x", 24))), ErrCorrupt},
		{"a link with a bitmap of four billion words", made(2, 1, good+extension("link", zeros+"\x00\x00\x00\x01\xff\xff\xff\xff\x00\x00\x00\x00")), ErrCorrupt},
	} {
		t.Run(tt.name, func(t *testing.T) {
			x, err := Parse(tt.data, oid.SHA1)
			if !errors.Is(err, tt.want) || (err == nil) != (x != nil) {
				t.Errorf("got %v, want %v", err, tt.want)
			}
		})
	}
}

func TestFilesThatAreNoIndexAreRefused(t *testing.T) {
	dir := t.TempDir()
	if _, err := Read(dir+"/none", oid.SHA1); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("no file: %v", err)
	}
	if _, err := Read(dir, oid.SHA1); !errors.Is(err, ErrCorrupt) {
		t.Errorf("a folder: %v", err)
	}
	if _, err := Read("/dev/zero", oid.SHA1); !errors.Is(err, ErrCorrupt) {
		t.Errorf("a device: %v", err)
	}
	write(t, dir+"/huge", "")
	if err := os.Truncate(dir+"/huge", maxFile+1); err != nil {
		t.Fatal(err)
	}
	if _, err := Read(dir+"/huge", oid.SHA1); !errors.Is(err, ErrUnsupported) {
		t.Errorf("a huge file: %v", err)
	}
}

// bits builds a bitmap of 64-bit words.
func bits(words ...uint64) string {
	b := binary.BigEndian.AppendUint32(nil, 64)
	b = binary.BigEndian.AppendUint32(b, uint32(len(words)))
	for _, w := range words {
		b = binary.BigEndian.AppendUint64(b, w)
	}
	return string(b) + "\x00\x00\x00\x00"
}

func TestBadSplitIndexesAreRefused(t *testing.T) {
	shared := made(2, 2, made1(1, "a\x00")+made1(1, "b\x00"))
	base := shared[len(shared)-20:]
	none := bits(0)
	one := func(bit int) string { return bits(1<<33, 1<<bit) }
	for _, tt := range []struct {
		name  string
		index []byte
		want  string // paths, or the words of the error
	}{
		{"nothing changes", made(2, 0, extension("link", string(base)+none+none)), "a b"},
		{"no bitmaps", made(2, 0, extension("link", string(base))), "a b"},
		{"one is deleted", made(2, 0, extension("link", string(base)+one(0)+none)), "b"},
		{"one is replaced", made(2, 1, made1(0, "\x00\x00")+extension("link", string(base)+none+one(1))), "a b"},
		{"one is added twice", made(2, 2, made1(1, "b\x00")+made1(1, "c\x00")+extension("link", string(base)+none+none)), "a b c"},
		{"a deleted entry that is none", made(2, 0, extension("link", string(base)+one(2)+none)), "bit 2 of 2"},
		{"a replaced entry that is none", made(2, 1, made1(0, "\x00\x00")+extension("link", string(base)+none+one(2))), "bit 2 of 2"},
		{"no entry to replace with", made(2, 0, extension("link", string(base)+none+one(1))), "0 entries replace 1"},
		{"a replacement with a path", made(2, 1, made1(1, "x\x00")+extension("link", string(base)+none+one(1))), "replaces another"},
		{"an addition without a path", made(2, 1, made1(0, "\x00\x00")+extension("link", string(base)+none+none)), "has no path"},
		{"four billion deleted words", made(2, 0, extension("link", string(base)+bits(1<<33-1)+none)), "bit 2 of 2"},
		{"four billion words without a bit, twice", made(2, 0, extension("link", string(base)+bits(1<<33-2, 1<<33-2, 1<<33, 1)+none)), "of 2 entries"},
		{"words that are not there", made(2, 0, extension("link", string(base)+bits(2<<33, 0)+none)), "truncated"},
		{"bytes after the bitmaps", made(2, 0, extension("link", string(base)+none+none+"x")), "after the bitmaps"},
		{"no other half", made(2, 0, extension("link", strings.Repeat("x", 20)+none+none)), "is missing"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			dir := t.TempDir()
			write(t, dir+"/index", string(tt.index))
			write(t, fmt.Sprintf("%s/sharedindex.%x", dir, base), string(shared))
			x, err := Read(dir+"/index", oid.SHA1)
			if err != nil {
				if !errors.Is(err, ErrCorrupt) || !strings.Contains(err.Error(), tt.want) {
					t.Errorf("got %v, want %q", err, tt.want)
				}
				return
			}
			var paths []string
			for _, e := range x.Entries {
				paths = append(paths, e.Path)
			}
			if got := strings.Join(paths, " "); got != tt.want {
				t.Errorf("got %q, want %q", got, tt.want)
			}
		})
	}

	dir := t.TempDir()
	other := made(2, 0, "")
	write(t, dir+"/index", string(made(2, 0, extension("link", string(base)))))
	write(t, fmt.Sprintf("%s/sharedindex.%x", dir, base), string(other))
	if _, err := Read(dir+"/index", oid.SHA1); !errors.Is(err, ErrCorrupt) {
		t.Errorf("another shared index of the name: %v", err)
	}
}

// sameAsCompact compares ParseCompact with Parse.
func sameAsCompact(t *testing.T, data []byte, format oid.Format) {
	t.Helper()
	want, wantErr := Parse(data, format)
	got, err := ParseCompact(data, format)
	if fmt.Sprint(err) != fmt.Sprint(wantErr) {
		t.Fatalf("compact: error %v, want %v", err, wantErr)
	}
	if err != nil {
		return
	}
	if got.Len() != len(want.Entries) || got.Version != want.Version || got.Sparse != want.Sparse {
		t.Fatalf("compact: %d entries, want %d, or another version", got.Len(), len(want.Entries))
	}
	for i := range want.Entries {
		if e := got.At(i); !reflect.DeepEqual(e, want.Entries[i]) || !reflect.DeepEqual(want.At(i), e) {
			t.Fatalf("compact: entry %d is %+v, want %+v", i, e, want.Entries[i])
		}
	}
}

func TestACompactIndexHasTheSameEntries(t *testing.T) {
	long := strings.Repeat("p", 5000)
	for name, data := range map[string][]byte{
		"in order":            made(2, 2, made1(1, "a\x00")+made1(1, "b\x00")),
		"not in order":        made(2, 2, made1(1, "b\x00")+made1(1, "a\x00")),
		"with more flags":     made(3, 1, made1(0x4001, "\x60\x00a\x00\x00\x00\x00\x00\x00\x00")),
		"a long path":         made(2, 1, made1(0xfff, long+strings.Repeat("\x00", 8-(62+len(long))%8))),
		"a stage":             made(2, 1, made1(0x2001, "a\x00")),
		"assumed unchanged":   made(2, 1, made1(0x8001, "a\x00")),
		"of version 4":        made(4, 2, made1(2, "\x00ab\x00")+made1(2, "\x01c\x00")),
		"without a path":      made(2, 1, made1(0, "\x00\x00")),
		"without entries":     made(2, 0, ""),
		"sparse":              made(2, 1, made1(1, "a\x00")+extension("sdir", "")),
		"a wrong name length": made(2, 1, made1(3, "a\x00")),
	} {
		t.Run(name, func(t *testing.T) { sameAsCompact(t, data, oid.SHA1) })
	}
}

func FuzzParse(f *testing.F) {
	f.Add(made(2, 1, made1(1, "a\x00")), false)
	f.Add(made(4, 2, made1(2, "\x00ab\x00")+made1(2, "\x01c\x00")), false)
	f.Add(made(2, 0, extension("link", strings.Repeat("\x00", 20)+bits(1<<33, 5)+bits(0))), false)
	f.Add(made(3, 1, made1(0x4001, "\x40\x00a\x00\x00\x00\x00\x00\x00\x00")+extension("TREE", "abc")), true)
	f.Fuzz(func(t *testing.T, data []byte, wide bool) {
		format := oid.SHA1
		if wide {
			format = oid.SHA256
		}
		if len(data) > format.Size() {
			data = bytes.Clone(data)
			clear(data[len(data)-format.Size():]) // no checksum to guess
		}
		x, l, err := parse(data, format, false)
		if err != nil {
			return
		}
		sameAsCompact(t, data, format)
		total := 0
		for _, e := range x.Entries {
			total += len(e.Path)
		}
		if total > 8*len(data)+1<<20 {
			t.Errorf("%d bytes of paths from %d", total, len(data))
		}
		if l == nil {
			return
		}
		base := &Index{}
		for i := range 100 {
			base.Entries = append(base.Entries, Entry{Path: fmt.Sprintf("%03d", i)})
		}
		if err := x.complete(base, l); err == nil && len(x.Entries) > 100+len(data) {
			t.Errorf("%d entries", len(x.Entries))
		}
	})
}

func BenchmarkRead4000Entries(b *testing.B) {
	for _, version := range []string{"2", "4"} {
		b.Run("version "+version, func(b *testing.B) {
			dir := b.TempDir()
			git(b, dir, "init", "-q")
			for i := range 4000 {
				write(b, fmt.Sprintf("%s/folder%d/another/file%d.txt", dir, i%100, i), "x")
			}
			git(b, dir, "add", "-A")
			git(b, dir, "update-index", "--index-version", version)
			b.ReportAllocs()
			for b.Loop() {
				if x, err := Read(dir+"/.git/index", oid.SHA1); err != nil || len(x.Entries) != 4000 {
					b.Fatal(err)
				}
			}
		})
	}
}

// On macOS: a name that the disk has taken apart is that of the index.
func TestLookupComposesNames(t *testing.T) {
	const composed, decomposed = "b/\u00e9.env", "b/e\u0301.env"
	for _, inIndex := range []string{composed, decomposed} {
		x := &Index{Entries: []Entry{{Path: "a"}, {Path: inIndex}, {Path: "b/z"}}}
		l := x.lookup(false, norm.NFC.String)
		for _, path := range []string{"a", composed, decomposed, "b/z"} {
			if !l.Tracked(path) {
				t.Errorf("%+q is not found, with %+q in the index", path, inIndex)
			}
		}
		if l.Tracked("b/e.env") || !l.TrackedUnder("b") {
			t.Error("another name")
		}
	}
}
