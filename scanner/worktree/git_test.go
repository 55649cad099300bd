package worktree

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"maps"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	"keysweep/finding"
)

// git runs git in dir, with no configuration but the repository's.
func git(t testing.TB, dir string, args ...string) string {
	t.Helper()
	cmd := exec.Command("git", append([]string{
		"-c", "user.name=a", "-c", "user.email=a@example.invalid", "-c", "protocol.file.allow=always",
		"-c", "init.defaultBranch=main", "-c", "core.fsync=none"}, args...)...)
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

// names splits the output of git … -z.
func names(out string) []string {
	list := strings.Split(strings.TrimSuffix(out, "\x00"), "\x00")
	if out == "" {
		return nil
	}
	slices.Sort(list)
	return slices.Compact(list)
}

// write makes files; a name that ends in '/' is a folder, and content that
// starts with "-> " a link.
func write(t testing.TB, root string, files map[string]string) {
	t.Helper()
	for _, name := range slices.Sorted(maps.Keys(files)) {
		content := files[name]
		p := root + "/" + name
		if err := os.MkdirAll(filepath.Dir(p), 0o777); err != nil {
			t.Fatal(err)
		}
		var err error
		if strings.HasSuffix(name, "/") {
			err = os.MkdirAll(p, 0o777)
		} else if to, ok := strings.CutPrefix(content, "-> "); ok {
			err = os.Symlink(to, p)
		} else {
			err = os.WriteFile(p, []byte(content), 0o666)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
}

// repository describes the repository at top to Walk, as git reports it.
func repository(t testing.TB, top string) *Repository {
	t.Helper()
	tracked := make(map[string]bool)
	folders := make(map[string]bool)
	repo := &Repository{Top: top}
	for _, line := range names(git(t, top, "ls-files", "-s", "-z")) {
		meta, name, _ := strings.Cut(line, "\t")
		tracked[name] = true
		if strings.HasPrefix(meta, "160000") {
			repo.Submodules = append(repo.Submodules, name)
		}
		for i := range name {
			if name[i] == '/' {
				folders[name[:i]] = true
			}
		}
	}
	repo.Tracked = func(p string) bool { return tracked[p] }
	repo.TrackedUnder = func(p string) bool { return folders[p] }
	exclude := strings.TrimSpace(git(t, top, "rev-parse", "--git-path", "info/exclude"))
	if !filepath.IsAbs(exclude) {
		exclude = filepath.Join(top, exclude)
	}
	repo.InfoExclude = exclude
	repo.IgnoreCase = strings.TrimSpace(git(t, top, "config", "--default", "false", "core.ignorecase")) == "true"
	return repo
}

// walked is a tree as visit saw it.
type walked struct {
	sum     Summary
	content map[string]string // of files and links
	others  map[string]Kind   // folders and special files
}

func (w *walked) files() []string { return slices.Sorted(maps.Keys(w.content)) }

// skipped returns the details of a reason.
func (w *walked) skipped(reason finding.Reason) (list []string) {
	for _, s := range w.sum.Skipped {
		if s.Reason == reason {
			list = append(list, s.Detail)
		}
	}
	return list
}

// walk walks root and reads everything.
func walk(t testing.TB, root string, opts Options) *walked {
	t.Helper()
	w, err := tryWalk(context.Background(), root, opts)
	if err != nil {
		t.Fatal(err)
	}
	return w
}

func tryWalk(ctx context.Context, root string, opts Options) (*walked, error) {
	w := &walked{content: make(map[string]string), others: make(map[string]Kind)}
	var mu sync.Mutex
	twice := ""
	sum, err := Walk(ctx, root, opts, func(_ int, f *File) error {
		if f.Kind == Directory || f.Kind == Special || f.Kind == Away {
			mu.Lock()
			defer mu.Unlock()
			if _, ok := w.others[f.Path]; ok {
				twice = f.Path
			}
			w.others[f.Path] = f.Kind
			return nil
		}
		path := f.Path
		var data []byte
		err := f.Read(func(r io.Reader) (err error) {
			data, err = io.ReadAll(r)
			return err
		})
		if err != nil {
			return err
		}
		mu.Lock()
		defer mu.Unlock()
		if _, ok := w.content[path]; ok {
			twice = path
		}
		w.content[path] = string(data)
		return nil
	})
	w.sum = sum
	if err == nil && twice != "" {
		err = fmt.Errorf("%q was visited twice", twice)
	}
	return w, err
}

// diff returns what is in only one of two sorted lists.
func diff(got, want []string) string {
	var b strings.Builder
	for _, g := range got {
		if _, ok := slices.BinarySearch(want, g); !ok {
			fmt.Fprintf(&b, "\n  only ours:  %q", g)
		}
	}
	for _, v := range want {
		if _, ok := slices.BinarySearch(got, v); !ok {
			fmt.Fprintf(&b, "\n  only git's: %q", v)
		}
	}
	return b.String()
}

// Git before 2.53 loses sight of what is before "**" if it is literal, and
// so takes "a/b**/c" as "a/b" followed by "**/c". We do as gitignore(5) says.
var oldGitErrs = regexp.MustCompile(`[^/*]\*\*`)

func randomPattern(rng *rand.Rand) string {
	pieces := []string{"a", "b", "c", "ab", "A", "a", "b", "c", "ab", "*", "*", "*", "**", "**/", "/**", "/**/", "?", "[ab]",
		"[!a]", "[^b]", "[a-c]", "[A-C]", "[[:alpha:]]", "[[:upper:]]", "[[:foo:]]", "[[:alpha:]", "[]a]", "[a-]", "[-a]", "[a\\]b]",
		"[a-\\c]", "/", "/", "/", "\\a", "\\A", "\\b", "\\*", "\\", "[", "]", " ", "\\ ", ".", "-", "!", "#", "é", "\xe9", "\t", "[[:", "[!", "[]-c]", "[b-a]"}
	for {
		var b strings.Builder
		if rng.IntN(3) == 0 {
			b.WriteString("!")
		}
		for range 1 + rng.IntN(5) {
			b.WriteString(pieces[rng.IntN(len(pieces))])
		}
		if rng.IntN(4) == 0 {
			b.WriteString("/")
		}
		if rng.IntN(8) == 0 {
			b.WriteString([]string{" ", "\r", "  ", "\x00x", "\\"}[rng.IntN(5)])
		}
		if s := b.String(); !oldGitErrs.MatchString(s) {
			return s
		}
	}
}

func TestRandomTreesAreWalkedAsGitListsThem(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("most of the names are none there")
	}
	components := []string{"a", "b", "c", "ab", "A", "aB", "abc", "a b", "b ", "a.b", "*", "[", "]a", "-", "#a", "!a", "\\a", "é", "\xe9", "a\tb", "a\nb"}
	rounds := 12
	if testing.Short() {
		rounds = 3
	}
	if s := os.Getenv("KEYSWEEP_ROUNDS"); s != "" {
		rounds, _ = strconv.Atoi(s)
	}
	for round := range rounds {
		rng := rand.New(rand.NewPCG(uint64(round), 7))
		root := t.TempDir()
		git(t, root, "init", "-q")
		fold := round%4 == 3
		git(t, root, "config", "core.ignorecase", fmt.Sprint(fold))
		files := make(map[string]string)
		ignoreFile := func(n int) string {
			var b strings.Builder
			if rng.IntN(10) == 0 {
				b.WriteString("\xef\xbb\xbf")
			}
			for range n {
				b.WriteString(randomPattern(rng))
				if rng.IntN(10) != 0 {
					b.WriteString("\n")
				}
			}
			return b.String()
		}
		for i := range 60 {
			// Below its own folder each, so that one bad pattern does not hide
			// the effect of all others.
			top := fmt.Sprintf("%d/", i)
			var here []string // the files below top, but ignore files
			files[top+".gitignore"] = ignoreFile(1 + rng.IntN(3))
			for range 30 {
				p := top
				for depth := 1 + rng.IntN(4); depth > 0; depth-- {
					p += components[rng.IntN(len(components))]
					if depth > 1 {
						p += "/"
					}
				}
				// Neither a file where a folder is, nor the other way round.
				clash := false
				for _, have := range here {
					clash = clash || have == p || strings.HasPrefix(have, p+"/") || strings.HasPrefix(p, have+"/")
				}
				if clash {
					continue
				}
				files[p] = "content"
				here = append(here, p)
				if rng.IntN(10) == 0 {
					files[p] = "-> a"
				}
				if dir := filepath.ToSlash(filepath.Dir(p)); rng.IntN(4) == 0 && dir != fmt.Sprint(i) {
					if _, ok := files[dir+"/.gitignore"]; !ok {
						files[dir+"/.gitignore"] = ignoreFile(1)
					}
				}
			}
		}
		write(t, root, files)
		if round%2 == 0 {
			write(t, root, map[string]string{".git/info/exclude": ignoreFile(2)})
		}
		if round%3 == 0 && !fold {
			// Some files are tracked, ignored or not.
			all := names(git(t, root, "ls-files", "-o", "-z"))
			var list []string
			for _, p := range all {
				if rng.IntN(12) == 0 {
					list = append(list, p)
				}
			}
			git(t, root, append([]string{"--literal-pathspecs", "add", "-f", "--"}, list...)...)
		}

		want := names(git(t, root, "ls-files", "-c", "-o", "--exclude-standard", "-z"))
		got := walk(t, root, Options{Repository: repository(t, root)})
		if d := diff(got.files(), want); d != "" {
			t.Errorf("round %d, ignorecase %v: %s", round, fold, d)
			for name, content := range files {
				if strings.HasSuffix(name, "/.gitignore") && strings.Contains(d, `"`+name[:strings.Index(name, "/")+1]) {
					t.Logf("%s: %q", name, content)
				}
			}
			return
		}
		if all := walk(t, root, Options{Repository: repository(t, root), Ignored: true}); len(all.content) != len(files) {
			t.Errorf("round %d: with Ignored, %d of %d files are visited", round, len(all.content), len(files))
		}

		// From each folder of the tree, the same files are seen.
		sub := fmt.Sprint(rng.IntN(60))
		var below []string
		for _, p := range want {
			if p, ok := strings.CutPrefix(p, sub+"/"); ok {
				below = append(below, p)
			}
		}
		ignoredTop := !slices.Contains(want, sub+"/.gitignore") || len(below) == 0
		if got := walk(t, root+"/"+sub, Options{Repository: repository(t, root)}); !ignoredTop && diff(got.files(), below) != "" {
			t.Errorf("round %d: from %s: %s", round, sub, diff(got.files(), below))
		}
	}
}
