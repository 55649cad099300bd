//go:build linux || darwin

package worktree

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"reflect"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"golang.org/x/text/unicode/norm"

	"keysweep/finding"
)

// openings are both ways to open folders; the tests that touch the file system
// run with each.
var openings = map[string]func(string) (folder, error){"native": openNative, "os.Root": openRooted}

func TestAPlainFolderIsReadWhole(t *testing.T) {
	for how, open := range openings {
		t.Run(how, func(t *testing.T) {
			root := t.TempDir()
			files := map[string]string{
				".hidden":               "a",
				".gitignore":            "*",
				"yarn.lock":             "b",
				"vendor/x/y.svg":        "c",
				"node_modules/m.js":     "d",
				"empty":                 "",
				"binary":                "\x00\x01\xff",
				"a\nnew line":           "e",
				"bell \x07 \x1b[31m":    "f",
				"not UTF-8 \xff\xfe":    "g",
				"::warning::x":          "h",
				"link":                  "-> binary",
				"link to a folder":      "-> vendor",
				"link to nothing":       "-> nowhere/at all",
				"link out":              "-> /etc/passwd",
				"link to itself":        "-> link to itself",
				"one long line":         strings.Repeat("x", 3<<20),
				"empty folder/":         "",
				"deep/er/and/deeper/x":  "i",
				".git/not a repository": "j",
			}
			write(t, root, files)
			if err := syscall.Mkfifo(root+"/fifo", 0o666); err != nil {
				t.Fatal(err)
			}
			fd, err := syscall.Socket(syscall.AF_UNIX, syscall.SOCK_STREAM, 0)
			if err != nil {
				t.Fatal(err)
			}
			defer syscall.Close(fd)
			if err := syscall.Bind(fd, &syscall.SockaddrUnix{Name: root + "/socket"}); err != nil {
				t.Fatal(err)
			}

			got := walk(t, root, Options{open: open})
			for name, content := range files {
				content = strings.TrimPrefix(content, "-> ")
				if have, ok := got.content[name]; !strings.HasSuffix(name, "/") && (!ok || have != content) {
					t.Errorf("%q was not read, or not as it is: %.50q", name, have)
				}
			}
			if len(got.content) != len(files)-1 || got.sum.Files != int64(len(files))-1 {
				t.Errorf("%d files were visited, and %d counted, of %d: %q", len(got.content), got.sum.Files, len(files)-1, got.files())
			}
			for name, kind := range map[string]Kind{"fifo": Special, "socket": Special, "empty folder": Directory, "deep/er/and": Directory, "vendor": Directory, ".git": Directory} {
				if got.others[name] != kind {
					t.Errorf("%q is %v, not %v", name, got.others[name], kind)
				}
			}
			if list := got.skipped(finding.ReasonSpecialFile); !slices.Equal(list, []string{"fifo", "socket"}) || len(got.sum.Skipped) != 2 {
				t.Errorf("skipped: %+v", got.sum.Skipped)
			}
			if len(got.sum.Nested) != 0 {
				t.Errorf("nested: %v", got.sum.Nested)
			}
		})
	}
}

func TestTheResultDoesNotDependOnWorkers(t *testing.T) {
	root := t.TempDir()
	files := make(map[string]string)
	for i := range 3000 {
		files[fmt.Sprintf("d%d/e%d/f%d", i%13, i%7, i)] = strings.Repeat("x", i)
	}
	for i := range 150 {
		files[fmt.Sprintf("excluded%d", i)] = "x"
	}
	write(t, root, files)
	var first *walked
	for _, workers := range []int{1, 2, 8, 33} {
		for how, open := range openings {
			got := walk(t, root, Options{Workers: workers, open: open, Exclude: Exclusions{"excluded*", "d3/e1"}})
			got.sum.Nested = nil
			if first == nil {
				first = got
			}
			if !reflect.DeepEqual(got, first) {
				t.Errorf("%d workers, %s: another result", workers, how)
			}
		}
	}
	// 100 are named, the rest is counted.
	var count int64
	for _, s := range first.sum.Skipped {
		count += s.Count
	}
	last := first.sum.Skipped[len(first.sum.Skipped)-1]
	if count != 151 || len(first.sum.Skipped) != 101 || last.Detail != moreSkipped || last.Count != 51 || first.sum.Skipped[0].Detail != "d3/e1/" {
		t.Errorf("%d are skipped in %d entries, the last %+v", count, len(first.sum.Skipped), last)
	}
}

// What is irregular, and was not read, is not left out as a socket is.
func TestWhatIsIrregularIsOpened(t *testing.T) {
	for mode, want := range map[fs.FileMode]Kind{
		0o644: Regular, fs.ModeIrregular | 0o644: Regular, fs.ModeIrregular | fs.ModeDir: Directory, fs.ModeDir | 0o755: Directory, fs.ModeSymlink: Symlink,
		fs.ModeSocket: Special, fs.ModeNamedPipe: Special, fs.ModeDevice: Special, fs.ModeDevice | fs.ModeCharDevice: Special,
	} {
		if got := KindOf(mode); got != want {
			t.Errorf("%v is %v, want %v", mode, got, want)
		}
	}
}

// A disk of macOS may have taken apart a name that the index has in one. Windows and
// macOS have disks that ignore case: git says so in core.ignoreCase.
func TestANameIsThatOfTheIndexHoweverTheDiskHasIt(t *testing.T) {
	root := t.TempDir()
	git(t, root, "init", "-q")
	git(t, root, "config", "core.precomposeUnicode", "false")
	composed, apart := norm.NFC.String("é.env"), norm.NFD.String("é.env")
	write(t, root, map[string]string{".gitignore": "*.env\n", apart: "tracked", "Other.ENV": "tracked", "x.env": "ignored",
		norm.NFD.String("ü") + "/" + apart: "tracked", ".DS_Store": "ordinary", "._x": "ordinary"})
	repo := repository(t, root)
	repo.Tracked = func(path string) bool {
		return path == composed || path == norm.NFC.String("ü")+"/"+composed || repo.IgnoreCase && strings.EqualFold(path, "other.env")
	}
	for _, tt := range []struct {
		composed   func(string) string
		ignoreCase bool
		want       []string
	}{
		{norm.NFC.String, false, []string{"._x", ".DS_Store", ".gitignore", "Other.ENV", apart, norm.NFD.String("ü") + "/" + apart}},
		{norm.NFC.String, true, []string{"._x", ".DS_Store", ".gitignore", "Other.ENV", apart, norm.NFD.String("ü") + "/" + apart}},
		{strings.Clone, false, []string{"._x", ".DS_Store", ".gitignore", "Other.ENV"}}, // another system
	} {
		repo.IgnoreCase = tt.ignoreCase
		slices.Sort(tt.want)
		if got := walk(t, root, Options{Repository: repo, composed: tt.composed}); !slices.Equal(got.files(), tt.want) {
			t.Errorf("case ignored %v: %q, want %q", tt.ignoreCase, got.files(), tt.want)
		}
	}
	repo.Tracked = func(string) bool { return false }
	repo.IgnoreCase = true
	if got := walk(t, root, Options{Repository: repo}); slices.Contains(got.files(), "Other.ENV") {
		t.Errorf("*.env does not ignore Other.ENV: %q", got.files())
	}
}

func TestAFolderOfManyFilesIsListedInParts(t *testing.T) {
	for how, open := range openings {
		t.Run(how, func(t *testing.T) {
			root := t.TempDir()
			git(t, root, "init", "-q")
			files := map[string]string{".gitignore": "*7"}
			for i := range 3 * listAtOnce {
				files[fmt.Sprintf("f%d", i)] = ""
			}
			for i := range 200 {
				files[fmt.Sprintf("d%d/x", i)] = ""
			}
			write(t, root, files)
			got := walk(t, root, Options{Repository: repository(t, root), open: open})
			want := names(git(t, root, "ls-files", "-o", "--exclude-standard", "-z"))
			if d := diff(got.files(), want); d != "" {
				t.Errorf("%.1000s", d)
			}
		})
	}
}

func TestFoldersListedInPartsStayOpenOverTheLimit(t *testing.T) {
	root := t.TempDir()
	files := make(map[string]string)
	for i := range 6 {
		for k := range 6 {
			for m := range 6 {
				files[fmt.Sprintf("%d/%d/%d/file", i, k, m)] = ""
				files[fmt.Sprintf("%d/%d/%d%d", i, k, m, m)] = ""
			}
		}
	}
	write(t, root, files)
	for _, keep := range []int{1, 2, 5, 100} {
		for _, workers := range []int{1, 2, 16} {
			got := walk(t, root, Options{Workers: workers, open: openRooted, list: 2, keepOpen: keep})
			if len(got.content) != len(files) || len(got.sum.Skipped) > 0 {
				t.Errorf("%d kept, %d workers: %d files of %d, %v", keep, workers, len(got.content), len(files), got.sum.Skipped)
			}
		}
	}
}

func TestExcludedIsCountedAndNotRead(t *testing.T) {
	root := t.TempDir()
	write(t, root, map[string]string{"a/b/c.txt": "", "a/d": "", "vendor/x": "", "docs/vendor/y": "", "z.txt": "", "vendored": "", "f/docs": ""})
	got := walk(t, root, Options{Exclude: Exclusions{"**/*.txt", "vendor/**", "docs/", "nothing{,x}"}})
	if want := []string{"a/d", "f/docs", "vendored"}; !slices.Equal(got.files(), want) {
		t.Errorf("visited %q", got.files())
	}
	if list := got.skipped(finding.ReasonExcluded); !slices.Equal(list, []string{"a/b/c.txt", "docs/", "vendor/", "z.txt"}) {
		t.Errorf("excluded %q", list)
	}
}

func TestIgnoredFilesAndFoldersAreCounted(t *testing.T) {
	root := t.TempDir()
	git(t, root, "init", "-q")
	write(t, root, map[string]string{
		".gitignore": "build/\n*.log\nforced/\n", "a.log": "", "tracked.log": "", "build/x/y": "", "forced/in": "", "forced/out": "", "forced/sub/out": "", "src/build": "", "src/a.log": "",
	})
	git(t, root, "add", "-f", "tracked.log", "forced/in")
	got := walk(t, root, Options{Repository: repository(t, root)})
	if want := []string{".gitignore", "forced/in", "src/build", "tracked.log"}; !slices.Equal(got.files(), want) {
		t.Errorf("visited %q", got.files())
	}
	if list := got.skipped(finding.ReasonIgnored); !slices.Equal(list, []string{"a.log", "build/", "forced/out", "forced/sub/", "src/a.log"}) {
		t.Errorf("ignored %q", list)
	}
	if list := git(t, root, "ls-files", "-oi", "--exclude-standard", "--directory"); list != "a.log\nbuild/\nforced/out\nforced/sub/\nsrc/a.log\n" {
		t.Errorf("git lists %q", list)
	}
	if all := walk(t, root, Options{Repository: repository(t, root), Ignored: true}); len(all.content) != 9 || len(all.sum.Skipped) != 0 {
		t.Errorf("with Ignored: %q, %v", all.files(), all.sum.Skipped)
	}
	// The user names an ignored folder.
	if got := walk(t, root+"/build", Options{Repository: repository(t, root)}); !slices.Equal(got.files(), []string{"x/y"}) {
		t.Errorf("from an ignored folder: %q", got.files())
	}
	if _, err := tryWalk(context.Background(), t.TempDir(), Options{Repository: repository(t, root)}); !errors.Is(err, errOutside) {
		t.Errorf("a root outside: %v", err)
	}
}

func TestIgnoreFilesThatCannotBeUsedIgnoreNothing(t *testing.T) {
	for _, tt := range []struct {
		name    string
		prepare func(t *testing.T, root string)
		want    []string // visited below sub
	}{
		{"too large", func(t *testing.T, root string) {
			write(t, root, map[string]string{"sub/.gitignore": "b\n" + strings.Repeat("#", maxRules)})
		}, []string{".gitignore", "a", "b"}},
		{"too large with those above", func(t *testing.T, root string) {
			write(t, root, map[string]string{".gitignore": "a\n" + strings.Repeat("#", maxRules-1000), "sub/.gitignore": "b\n" + strings.Repeat("#", 2000)})
		}, []string{".gitignore", "a", "b"}},
		{"too large above", func(t *testing.T, root string) {
			write(t, root, map[string]string{".gitignore": "a\n" + strings.Repeat("#", maxRules), "sub/.gitignore": "b\n"})
		}, []string{".gitignore", "a"}},
		{"a link, as in git", func(t *testing.T, root string) {
			write(t, root, map[string]string{"rules": "b", "sub/.gitignore": "-> ../rules"})
		}, []string{".gitignore", "b"}},
		{"a folder, as in git", func(t *testing.T, root string) {
			write(t, root, map[string]string{"sub/.gitignore/x": ""})
		}, []string{".gitignore/x", "b"}},
		{"a FIFO", func(t *testing.T, root string) {
			if err := syscall.Mkfifo(root+"/sub/.gitignore", 0o666); err != nil {
				t.Fatal(err)
			}
		}, []string{"b"}},
		{"info/exclude is a FIFO", func(t *testing.T, root string) {
			os.Remove(root + "/.git/info/exclude")
			if err := syscall.Mkfifo(root+"/.git/info/exclude", 0o666); err != nil {
				t.Fatal(err)
			}
		}, []string{"b"}},
		{"info/exclude is gone", func(t *testing.T, root string) {
			os.Remove(root + "/.git/info/exclude")
		}, []string{"b"}},
	} {
		for how, open := range openings {
			t.Run(tt.name+"/"+how, func(t *testing.T) {
				root := t.TempDir()
				git(t, root, "init", "-q")
				write(t, root, map[string]string{".gitignore": "a\n", "sub/a": "", "sub/b": ""})
				repo := repository(t, root)
				tt.prepare(t, root)
				got := walk(t, root, Options{Repository: repo, open: open})
				var below []string
				for _, p := range got.files() {
					if p, ok := strings.CutPrefix(p, "sub/"); ok {
						below = append(below, p)
					}
				}
				if !slices.Equal(below, tt.want) {
					t.Errorf("visited %q, want %q", below, tt.want)
				}
			})
		}
	}
}

func TestNestedRepositoriesHaveTheirOwnRules(t *testing.T) {
	for how, open := range openings {
		t.Run(how, func(t *testing.T) {
			dir := t.TempDir()
			other := dir + "/other"
			write(t, other, map[string]string{"file": "of the submodule"})
			git(t, other, "init", "-q")
			git(t, other, "add", "-A")
			git(t, other, "commit", "-qm", "x")
			root := dir + "/root"
			write(t, root, map[string]string{
				".gitignore": "*.out\nignored/\n", "inner/.gitignore": "*.tmp\n", "inner/a.out": "", "inner/b.tmp": "", "inner/c.tmp": "", "inner/info": "",
				"ignored/repo/x": "", "fake/.git": "text", "fake/a.out": "", "pretend/.git/config": "not a repository", "linked/.git": "-> ../inner/.git",
				"store.git/HEAD": "ref: refs/heads/main\n", "store.git/config": "c", "store.git/refs/heads/": "", "store.git/objects/ab/" + strings.Repeat("c", 38): "object",
				"store.git/objects/ab/not an object": "x", "store.git/objects/pack/pack-0.pack": "pack", "store.git/objects/pack/pack-0.txt": "x", "store.git/objects/stray": "x",
			})
			git(t, root, "init", "-q")
			git(t, root, "submodule", "-q", "add", other, "module")
			git(t, root, "submodule", "-q", "add", other, "gone")
			git(t, root, "submodule", "-q", "add", other, "away/too")
			git(t, root, "submodule", "-q", "add", "-f", other, "ignored/module")
			write(t, root, map[string]string{"ignored/module/new": ""})
			git(t, root, "commit", "-qm", "x")
			git(t, root, "submodule", "-q", "deinit", "-f", "gone")
			if err := os.RemoveAll(root + "/away"); err != nil {
				t.Fatal(err)
			}
			git(t, root+"/inner", "init", "-q")
			git(t, root+"/ignored/repo", "init", "-q")
			git(t, root+"/inner", "add", "-f", "c.tmp")
			git(t, root+"/inner", "update-index", "--add", "--cacheinfo", "160000,"+strings.Repeat("1", 40)+",lost")
			write(t, root, map[string]string{"inner/.git/info/exclude": "info\n"})

			var mu sync.Mutex
			var asked []string
			opts := Options{Repository: repository(t, root), open: open, OpenNested: func(path string) (*Repository, error) {
				mu.Lock()
				asked = append(asked, path)
				mu.Unlock()
				switch path {
				case "fake":
					return nil, errors.New("no such folder")
				case "linked":
					return nil, nil
				}
				return repository(t, root+"/"+path), nil
			}}
			got := walk(t, root, opts)
			want := []string{".gitignore", ".gitmodules", "fake/.git", "fake/a.out", "ignored/module/.git", "ignored/module/file", "ignored/module/new", "inner/.gitignore", "inner/a.out", "inner/c.tmp", "linked/.git",
				"module/.git", "module/file", "pretend/.git/config", "store.git/HEAD", "store.git/config", "store.git/objects/ab/not an object",
				"store.git/objects/pack/pack-0.txt", "store.git/objects/stray"}
			if d := diff(got.files(), want); d != "" {
				t.Errorf("the files differ: %s", d)
			}
			if want := []string{"fake", "ignored/module", "inner", "linked", "module", "store.git"}; !slices.Equal(got.sum.Nested, want) {
				t.Errorf("nested: %v", got.sum.Nested)
			}
			if slices.Sort(asked); !slices.Equal(asked, []string{"fake", "ignored/module", "inner", "linked", "module"}) {
				t.Errorf("asked for %q", asked)
			}
			if list := got.skipped(finding.ReasonSubmoduleAbsent); !slices.Equal(list, []string{"away/too/", "gone/", "inner/lost/"}) {
				t.Errorf("absent: %q", list)
			}
			if list := got.skipped(finding.ReasonUnreadable); !slices.Equal(list, []string{"fake/.git: no such folder"}) {
				t.Errorf("unreadable: %q", list)
			}
			if list := got.skipped(finding.ReasonIgnored); !slices.Equal(list, []string{"ignored/repo/", "inner/b.tmp", "inner/info"}) {
				t.Errorf("ignored: %q", list)
			}

			opts.Exclude = Exclusions{"away", "gone", "inner/lost"}
			if list := walk(t, root, opts).skipped(finding.ReasonSubmoduleAbsent); len(list) != 0 {
				t.Errorf("excluded, and absent: %q", list)
			}
		})
	}
}

func TestAGitFolderMadeOfLinksIsARepository(t *testing.T) {
	root := t.TempDir()
	git(t, root, "init", "-q", "whole")
	write(t, root, map[string]string{
		"new/.git/HEAD": "ref: refs/heads/main\n", "new/.git/objects": "-> ../../whole/.git/objects", "new/.git/refs": "-> ../../whole/.git/refs", "new/file": "",
	})
	got := walk(t, root, Options{})
	if want := []string{"new", "whole"}; !slices.Equal(got.sum.Nested, want) || !slices.Equal(got.files(), []string{"new/file"}) {
		t.Errorf("nested: %v; visited %q", got.sum.Nested, got.files())
	}
}

func TestADeepTreeIsWalkedWithFewOpenFiles(t *testing.T) {
	// A path of 4 KiB leads 20 levels down. With os.Root, to open the folder at
	// level n anew costs n² steps.
	t.Run("native", func(t *testing.T) { walkDeep(t, openNative, 400) })
	t.Run("os.Root", func(t *testing.T) { walkDeep(t, openRooted, 150) })
}

// walkDeep walks a tree of so many levels, each with a folder beside the way
// down, and no more than 64 open files.
func walkDeep(t *testing.T, opening func(string) (folder, error), levels int) {
	var before syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &before); err != nil {
		t.Fatal(err)
	}
	root := t.TempDir()
	name := strings.Repeat("d", 200)
	at, err := os.OpenRoot(root)
	if err != nil {
		t.Fatal(err)
	}
	made := 1
	for range levels {
		for _, sub := range []string{name, "e"} {
			if err := at.Mkdir(sub, 0o777); err != nil {
				t.Fatal(err)
			}
		}
		for _, p := range []string{"f", "e/g"} {
			if err := at.WriteFile(p, []byte(p), 0o666); err != nil {
				t.Fatal(err)
			}
			made++
		}
		next, err := at.OpenRoot(name)
		if err != nil {
			t.Fatal(err)
		}
		at.Close()
		at = next
	}
	if err := at.WriteFile("last", nil, 0o666); err != nil {
		t.Fatal(err)
	}
	at.Close()
	t.Cleanup(func() { // os.RemoveAll needs a descriptor for each level
		for range levels {
			_ = os.Rename(root+"/"+name, root+"/next")
			if os.Rename(root+"/next/"+name, root+"/kept") != nil {
				break
			}
			_ = os.RemoveAll(root + "/next")
			_ = os.Rename(root+"/kept", root+"/"+name)
		}
	})

	open := countFiles(t)
	low := before
	low.Cur = uint64(open + 64)
	if err := syscall.Setrlimit(syscall.RLIMIT_NOFILE, &low); err != nil {
		t.Fatal(err)
	}
	defer syscall.Setrlimit(syscall.RLIMIT_NOFILE, &before)
	for _, workers := range []int{1, 4, 100} {
		var mu sync.Mutex
		files, longest := 0, 0
		sum, err := Walk(context.Background(), root, Options{open: opening, Workers: workers}, func(_ int, f *File) error {
			if f.Kind != Regular {
				return nil
			}
			mu.Lock()
			files++
			longest = max(longest, len(f.Path))
			mu.Unlock()
			return f.Read(func(r io.Reader) error { _, err := io.Copy(io.Discard, r); return err })
		})
		if err != nil || len(sum.Skipped) > 0 {
			t.Errorf("%d workers: %v, %d skipped", workers, err, len(sum.Skipped))
		}
		if files != made || longest < levels*200 {
			t.Errorf("%d workers: %d files of %d, the longest path has %d bytes", workers, files, made, longest)
		}
	}
	if now := countFiles(t); now > open {
		t.Errorf("%d files are still open", now-open)
	}
}

func countFiles(t *testing.T) int {
	t.Helper()
	list, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Skip("no /proc/self/fd")
	}
	return len(list) - 1
}

func TestRootMayBeAFileOrALink(t *testing.T) {
	dir := t.TempDir()
	write(t, dir, map[string]string{"folder/a": "1", "link": "-> folder", "file": "2", "file link": "-> file"})
	for _, tt := range []struct{ root, path, content string }{
		{"folder", "a", "1"},
		{"link", "a", "1"},
		{"link/", "a", "1"},
		{"file", "file", "2"},
		{"file link", "file link", "2"},
	} {
		got := walk(t, dir+"/"+tt.root, Options{Exclude: Exclusions{"fi*"}})
		if len(got.content) != 1 || got.content[tt.path] != tt.content {
			t.Errorf("%q: visited %q", tt.root, got.content)
		}
	}
	if _, err := tryWalk(context.Background(), dir+"/none", Options{}); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("no root: %v", err)
	}
	if err := syscall.Mkfifo(dir+"/fifo", 0o666); err != nil {
		t.Fatal(err)
	}
	if got := walk(t, dir+"/fifo", Options{}); got.others["fifo"] != Special || len(got.sum.Skipped) != 1 {
		t.Errorf("a FIFO: %+v", got)
	}
}

// faulty wraps an open folder.
type faulty struct {
	folder
	faults *faults
}

// faults says what goes wrong, by name. A nil function: nothing.
type faults struct {
	list func() error
	stat func(name string) error // lstat
	open func(name string) error
	sub  func(name string) error
	read func(name string, n int) error // before read n of a file
	link func(name string) error

	noHoles bool // the system does not say where they are
}

func (f faulty) list(limit int) ([]entry, bool, error) {
	list, done, err := f.folder.list(limit)
	if f.faults.list != nil && err == nil {
		err = f.faults.list()
	}
	return list, done, err
}

func (f faulty) lstat(name string) (Kind, error) {
	if f.faults.stat != nil {
		if err := f.faults.stat(name); err != nil {
			return 0, err
		}
	}
	return f.folder.lstat(name)
}

func (f faulty) open(name string, old file) (file, state, error) {
	if f.faults.open != nil {
		if err := f.faults.open(name); err != nil {
			return nil, state{}, err
		}
	}
	if o, ok := old.(*faultyFile); ok {
		old = o.file
	}
	file, first, err := f.folder.open(name, old)
	if err != nil {
		return nil, first, err
	}
	return &faultyFile{file, f.faults, name, 0}, first, nil
}

func (f faulty) readlink(name string) (string, error) {
	if f.faults.link != nil {
		if err := f.faults.link(name); err != nil {
			return "", err
		}
	}
	return f.folder.readlink(name)
}

func (f faulty) sub(names []string) (folder, error) {
	if f.faults.sub != nil {
		if err := f.faults.sub(names[len(names)-1]); err != nil {
			return nil, err
		}
	}
	sub, err := f.folder.sub(names)
	return faulty{sub, f.faults}, err
}

type faultyFile struct {
	file
	faults *faults
	name   string
	reads  int
}

func (f *faultyFile) Read(p []byte) (int, error) {
	if f.faults.read != nil {
		if err := f.faults.read(f.name, f.reads); err != nil {
			return 0, err
		}
	}
	f.reads++
	return f.file.Read(p)
}

func (f *faultyFile) seekData(off int64) (int64, error) {
	if f.faults.noHoles {
		return off, nil
	}
	return f.file.seekData(off)
}

func TestWhatCannotBeReadIsCountedAndTheRestIsRead(t *testing.T) {
	only := func(bad string, err error) func(string) error {
		return func(name string) error {
			if name == bad {
				return err
			}
			return nil
		}
	}
	type skip = finding.Skipped
	for _, tt := range []struct {
		name   string
		faults func(root string) *faults
		want   []skip
		files  []string
	}{
		{"nothing goes wrong", func(string) *faults { return &faults{} }, nil, []string{"a", "l", "sub/b"}},
		{"a file is forbidden", func(string) *faults { return &faults{open: only("a", syscall.EACCES)} },
			[]skip{{Reason: finding.ReasonUnreadable, Count: 1, Detail: "a: permission denied"}}, []string{"l", "sub/b"}},
		{"a folder is forbidden", func(string) *faults { return &faults{sub: only("sub", syscall.EACCES)} },
			[]skip{{Reason: finding.ReasonUnreadable, Count: 1, Detail: "sub/: permission denied"}}, []string{"a", "l"}},
		{"a file vanishes", func(string) *faults { return &faults{open: only("b", syscall.ENOENT)} },
			[]skip{{Reason: finding.ReasonChanged, Count: 1, Detail: "sub/b: vanished"}}, []string{"a", "l"}},
		{"a folder vanishes", func(root string) *faults {
			return &faults{sub: func(name string) error { return os.RemoveAll(root + "/sub") }}
		}, []skip{{Reason: finding.ReasonChanged, Count: 1, Detail: "sub/: vanished"}}, []string{"a", "l"}},
		{"a folder becomes a link", func(root string) *faults {
			return &faults{sub: func(name string) error {
				_ = os.RemoveAll(root + "/sub")
				return os.Symlink("/etc", root+"/sub")
			}}
		}, []skip{{Reason: finding.ReasonChanged, Count: 1, Detail: "sub/: is something else than a moment ago"}}, []string{"a", "l"}},
		{"a file becomes a link", func(root string) *faults {
			return &faults{open: func(name string) error {
				if name != "a" {
					return nil
				}
				_ = os.Remove(root + "/a")
				return os.Symlink("/etc/passwd", root+"/a")
			}}
		}, []skip{{Reason: finding.ReasonChanged, Count: 1, Detail: "a: is something else than a moment ago"}}, []string{"l", "sub/b"}},
		{"a file becomes a FIFO", func(root string) *faults {
			return &faults{open: func(name string) error {
				if name != "a" {
					return nil
				}
				_ = os.Remove(root + "/a")
				return syscall.Mkfifo(root+"/a", 0o666)
			}}
		}, []skip{{Reason: finding.ReasonChanged, Count: 1, Detail: "a: is something else than a moment ago"}}, []string{"l", "sub/b"}},
		{"a link becomes a file", func(root string) *faults {
			return &faults{link: func(name string) error {
				_ = os.Remove(root + "/l")
				return os.WriteFile(root+"/l", nil, 0o666)
			}}
		}, []skip{{Reason: finding.ReasonChanged, Count: 1, Detail: "l: is something else than a moment ago"}}, []string{"a", "sub/b"}},
		{"the disk fails", func(string) *faults {
			return &faults{read: func(name string, n int) error {
				if name == "a" {
					return syscall.EIO
				}
				return nil
			}}
		}, []skip{{Reason: finding.ReasonUnreadable, Count: 1, Detail: "a: input/output error"}}, []string{"l", "sub/b"}},
		{"a listing fails at its end", func(string) *faults {
			var n atomic.Int64
			return &faults{list: func() error {
				if n.Add(1) == 2 {
					return syscall.EIO
				}
				return nil
			}}
		}, []skip{{Reason: finding.ReasonUnreadable, Count: 1, Detail: "sub/: input/output error"}}, []string{"a", "l", "sub/b"}},
		{"a file changes once", func(root string) *faults {
			return &faults{read: func(name string, n int) error {
				if name == "a" && n == 1 {
					return os.WriteFile(root+"/a", []byte("another"), 0o666)
				}
				return nil
			}}
		}, nil, []string{"a", "l", "sub/b"}},
		{"a file changes all the time", func(root string) *faults {
			return &faults{read: func(name string, n int) error {
				if name == "a" {
					return os.WriteFile(root+"/a", bytes.Repeat([]byte("x"), n+2), 0o666)
				}
				return nil
			}}
		}, []skip{{Reason: finding.ReasonChanged, Count: 1, Detail: "a: was written to while it was read, twice"}}, []string{"l", "sub/b"}},
		{"too many files are open, for a while", func(string) *faults {
			var n atomic.Int64
			return &faults{open: func(name string) error {
				if n.Add(1) < 20 {
					return syscall.EMFILE
				}
				return nil
			}, sub: func(string) error {
				if n.Add(1) < 20 {
					return syscall.ENFILE
				}
				return nil
			}}
		}, nil, []string{"a", "l", "sub/b"}},
	} {
		for how, open := range openings {
			t.Run(tt.name+"/"+how, func(t *testing.T) {
				root := t.TempDir()
				write(t, root, map[string]string{"a": "first", "l": "-> a", "sub/b": "b"})
				faults := tt.faults(root)
				got := walk(t, root, Options{Workers: 1, open: func(path string) (folder, error) {
					f, err := open(path)
					return faulty{f, faults}, err
				}})
				if !reflect.DeepEqual(got.sum.Skipped, tt.want) {
					t.Errorf("skipped %+v, want %+v", got.sum.Skipped, tt.want)
				}
				if !slices.Equal(got.files(), tt.files) {
					t.Errorf("read %q, want %q", got.files(), tt.files)
				}
				if tt.name == "a file changes once" && got.content["a"] != "another" {
					t.Errorf("a holds %q", got.content["a"])
				}
			})
		}
	}
}

func TestARepositoryThatCannotBeAskedForIsNotTakenForAFolder(t *testing.T) {
	for _, tt := range []struct {
		name, fails string
		atOnce      int
		want        string
	}{
		{"HEAD of a folder .git", "HEAD", 100, "module/.git/"},
		{"refs of a folder .git", "refs", 100, "module/.git/"},
		{".git in a large folder", ".git", 1, "module/.git"},
		{"HEAD in a large folder", "HEAD", 1, "module/HEAD"},
	} {
		for how, open := range openings {
			t.Run(tt.name+"/"+how, func(t *testing.T) {
				root := t.TempDir()
				write(t, root, map[string]string{"module/.git/HEAD": "x", "module/.git/objects/": "", "module/.git/refs/": "",
					"module/a": "", "module/b": "", "module/c": ""})
				faults := &faults{stat: func(name string) error {
					if name == tt.fails {
						return syscall.EIO
					}
					return nil
				}}
				got := walk(t, root, Options{Workers: 1, list: tt.atOnce, keepOpen: 1, open: func(path string) (folder, error) {
					f, err := open(path)
					return faulty{f, faults}, err
				}})
				if list := got.skipped(finding.ReasonUnreadable); !slices.Contains(list, tt.want+": input/output error") {
					t.Errorf("unreadable: %q", list)
				}
			})
		}
	}
}

func TestAFileThatGrowsFasterThanItIsReadEnds(t *testing.T) {
	root := t.TempDir()
	write(t, root, map[string]string{"log": "start"})
	grow := &faults{read: func(string, int) error {
		f, err := os.OpenFile(root+"/log", os.O_RDWR, 0)
		if err != nil {
			return err
		}
		defer f.Close()
		info, err := f.Stat()
		if err != nil {
			return err
		}
		return f.Truncate(info.Size() + 16<<20) // a hole: no space
	}}
	buf := make([]byte, 1<<20)
	passes := 0
	sum, err := Walk(context.Background(), root, Options{open: func(path string) (folder, error) {
		f, err := openRooted(path)
		return faulty{f, grow}, err
	}}, func(_ int, f *File) error {
		return f.Read(func(r io.Reader) error {
			passes++
			for {
				if _, err := r.Read(buf); err == io.EOF {
					return nil
				} else if err != nil {
					return err
				}
			}
		})
	})
	if err != nil || passes != 2 || len(sum.Skipped) != 1 || sum.Skipped[0].Reason != finding.ReasonChanged {
		t.Errorf("%d passes, %v, %+v", passes, err, sum.Skipped)
	}
}

func TestHolesOfASparseFileAreShortened(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("holes are known on Linux only")
	}
	root := t.TempDir()
	f, err := os.Create(root + "/sparse")
	if err != nil {
		t.Fatal(err)
	}
	for _, at := range []int64{0, 1 << 30, 1<<30 + 8192} {
		if _, err := f.WriteAt([]byte("data"), at); err != nil {
			t.Fatal(err)
		}
	}
	if err := f.Truncate(1 << 40); err != nil {
		t.Fatal(err)
	}
	f.Close()
	const enough = 1 << 20
	var text []byte
	sum, err := Walk(context.Background(), root, Options{}, func(_ int, f *File) error {
		return f.Read(func(r io.Reader) (err error) {
			text, err = io.ReadAll(io.LimitReader(r, enough)) // not a tebibyte of zeros
			return err
		})
	})
	if n := bytes.Count(text, []byte("data")); n != 3 || len(text) < 2*keptHole || len(text) == enough {
		t.Errorf("%d of 3 pieces in %d bytes", n, len(text))
	}
	if err != nil || len(sum.Skipped) != 0 {
		t.Errorf("%v, skipped %v", err, sum.Skipped)
	}
}

func TestAWalkEndsSoonAfterItsContext(t *testing.T) {
	const workers = 4
	root := t.TempDir()
	files := make(map[string]string)
	for i := range 2000 {
		files[fmt.Sprintf("d%d/f%d", i%40, i)] = "x"
	}
	files["endless"] = "x"
	write(t, root, files)
	if err := os.Truncate(root+"/endless", 1<<40); err != nil {
		t.Fatal(err)
	}
	open := countFiles(t)
	for how, opening := range openings {
		ctx, cancel := context.WithCancel(context.Background())
		// The context ends while the endless file is read, and some files were
		// visited. What begins after the walk knows it is counted: a worker may
		// have been on its way to one call.
		var visits, visitsAfter, readsAfter atomic.Int64
		var ended atomic.Bool
		var w *walker
		var once sync.Once
		cut := &faults{noHoles: true, read: func(name string, n int) error {
			switch {
			case ended.Load():
				if readsAfter.Add(1) > 1000 {
					return errors.New("it goes on")
				}
			case name == "endless" && visits.Load() > 100:
				cancel()
				for !w.stopped.Load() {
					time.Sleep(time.Millisecond)
				}
				ended.Store(true)
			}
			return nil
		}}
		_, err := Walk(ctx, root, Options{Workers: workers, open: func(path string) (folder, error) {
			f, err := opening(path)
			return faulty{f, cut}, err
		}}, func(_ int, f *File) error {
			once.Do(func() { w = f.w.walker })
			visits.Add(1)
			if ended.Load() {
				visitsAfter.Add(1)
			}
			if f.Path != "endless" {
				time.Sleep(time.Millisecond) // so that the walk is not over before
			}
			if f.Path != "endless" && !strings.HasPrefix(f.Path, "d1/") {
				return nil
			}
			return f.Read(func(r io.Reader) error { _, err := io.Copy(io.Discard, r); return err })
		})
		if err != context.Canceled || !ended.Load() {
			t.Errorf("%s: %v, in the middle: %v", how, err, ended.Load())
		}
		if visitsAfter.Load() > workers || readsAfter.Load() > workers {
			t.Errorf("%s: after the context %d files were visited and %d reads done", how, visitsAfter.Load(), readsAfter.Load())
		}
	}
	for how, opening := range openings {
		wrong := errors.New("wrong")
		sum, err := Walk(context.Background(), root, Options{open: opening}, func(_ int, f *File) error {
			if f.Kind == Regular && f.Path != "endless" {
				return fmt.Errorf("%s: %w", f.Path, wrong)
			}
			return nil
		})
		if !errors.Is(err, wrong) || sum.Files == 0 {
			t.Errorf("%s: the error of visit: %v", how, err)
		}
	}
	runtime.GC()
	if now := countFiles(t); now > open {
		t.Errorf("%d files are still open", now-open)
	}
}

func TestAnUnreadableFolderOfAnotherUserIsCounted(t *testing.T) {
	if os.Getuid() == 0 {
		// Root reads everything; TestWhatCannotBeRead… has the fault.
		if _, err := os.Stat("/proc/self/mem"); err != nil {
			t.Skip("no /proc")
		}
		got, err := tryWalk(context.Background(), "/proc/self/task/"+fmt.Sprint(os.Getpid()), Options{Exclude: Exclusions{"pagemap", "mem", "map_files", "cwd", "root", "fd", "fdinfo", "net", "attr"}})
		if err != nil {
			t.Fatal(err)
		}
		if !strings.Contains(got.content["status"], "Pid:") {
			t.Error("a file of size 0 is not read to its end")
		}
		return
	}
	root := t.TempDir()
	write(t, root, map[string]string{"closed/x": "", "open": ""})
	if err := os.Chmod(root+"/closed", 0); err != nil {
		t.Fatal(err)
	}
	defer os.Chmod(root+"/closed", 0o777)
	got := walk(t, root, Options{})
	if list := got.skipped(finding.ReasonUnreadable); !slices.Equal(list, []string{"closed/: permission denied"}) {
		t.Errorf("unreadable: %q", list)
	}
}

func TestWithoutOpenat2TheSameIsOpened(t *testing.T) {
	root := t.TempDir()
	write(t, root, map[string]string{"a/b/c/d": "x", "a/l": "-> b"})
	f, err := openNative(root)
	if err != nil {
		t.Fatal(err)
	}
	defer f.close()
	check := func() {
		t.Helper()
		sub, err := f.sub([]string{"a", "b", "c"})
		if err != nil {
			t.Fatal(err)
		}
		defer sub.close()
		if k, err := sub.lstat("d"); err != nil || k != Regular {
			t.Errorf("d is %v, %v", k, err)
		}
		for _, names := range [][]string{{"a", "l"}, {"a", "l", "c"}, {"a", "b", "c", "d"}} {
			if _, err := f.sub(names); err != errKind {
				t.Errorf("%q: %v", names, err)
			}
		}
		if _, err := f.sub([]string{"a", "none", "c"}); !errors.Is(err, os.ErrNotExist) {
			t.Errorf("none: %v", err)
		}
	}
	check()
	withoutOpenat2(t)
	check()
}

// A walk that is stopped while it reads a large file has read those beside it,
// however many workers there are, and says how much of the large one it read.
func TestALargeFileLetsThoseBesideItGoFirst(t *testing.T) {
	root := t.TempDir()
	small := map[string]string{}
	for i := range 40 {
		small[fmt.Sprintf("%02d.env", i)] = "A=1\n"
	}
	write(t, root, small)
	for _, name := range []string{"00.big", "20.big", "zz.big"} {
		if err := os.WriteFile(root+"/"+name, nil, 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Truncate(root+"/"+name, large); err != nil {
			t.Fatal(err)
		}
	}
	var order []string
	sum, err := Walk(context.Background(), root, Options{Workers: 1}, func(_ int, f *File) error {
		return f.Read(func(r io.Reader) error {
			_, err := io.Copy(io.Discard, r)
			order = append(order, f.Path)
			return err
		})
	})
	if err != nil || sum.Files != 43 || len(order) != 43 {
		t.Fatal(sum, order, err)
	}
	for i, name := range order {
		if isBig := strings.HasSuffix(name, ".big"); isBig != (i >= 40) {
			t.Errorf("%d. %s", i+1, name)
		}
	}
	ctx, cancel := context.WithCancel(context.Background())
	sum, err = Walk(ctx, root, Options{Workers: 1}, func(_ int, f *File) error {
		return f.Read(func(r io.Reader) error {
			n, err := io.ReadFull(r, make([]byte, 5))
			if n == 5 {
				cancel()
			} else {
				err = nil
			}
			return errors.Join(err, ctx.Err())
		})
	})
	if !errors.Is(err, context.Canceled) || sum.Files != 41 || sum.Bytes < 40*4+5 {
		t.Errorf("stopped: %+v, %v", sum, err)
	}
}
