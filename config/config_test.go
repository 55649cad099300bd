package config

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"keysweep/rules"
)

const rule = "[[rule]]\nid = \"acme\"\nissuer = \"acme\"\nliterals = [\"acme_\"]\n"

// layout makes files below a folder of its own and returns the folder. A name
// that ends in .git/ is made a repository.
func layout(t *testing.T, files map[string]string) string {
	t.Helper()
	root, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	for name, text := range files {
		path := filepath.Join(root, filepath.FromSlash(name))
		if strings.HasSuffix(name, ".git/") {
			args := []string{"init", "-q"}
			if !strings.HasSuffix(name, "/.git/") {
				args = append(args, "--bare")
			}
			if out, err := exec.Command("git", append(args, strings.TrimSuffix(path, ".git"))...).CombinedOutput(); err != nil {
				t.Fatalf("%v\n%s", err, out)
			}
			continue
		}
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return root
}

func TestWhichConfigurationCounts(t *testing.T) {
	files := map[string]string{
		"repo/.git/": "", "repo/.keysweep.toml": "# repo\n", "repo/src/a.txt": "x",
		"repo/nested/.git/": "", "repo/nested/.keysweep.toml": "# nested\n", "repo/nested/b.txt": "x",
		"plain/.keysweep.toml": "# plain\n", "plain/sub/c.txt": "x", "plain/sub/.keysweep.toml": "# sub\n",
		"none/.git/": "", "none/a.txt": "x",
	}
	for _, tt := range []struct {
		name, here string
		paths      []string
		want       string // the text of the configuration
		notes      int
	}{
		{"the top of the repository", "repo", nil, "# repo\n", 0},
		{"from a folder of the repository", "repo/src", []string{"."}, "# repo\n", 0},
		{"a file of the repository", "repo", []string{"src/a.txt"}, "# repo\n", 0},
		{"the top from below", "repo/src", []string{".."}, "# repo\n", 0},
		{"standard input in a repository", "repo/src", []string{"-"}, "# repo\n", 0},
		{"a nested repository, seen from the outer one", "repo", []string{"nested"}, "", 1},
		{"a nested repository, from inside", "repo/nested", []string{"."}, "# nested\n", 0},
		{"the innermost of two", "repo/nested", []string{"..", "."}, "# nested\n", 0},
		{"the innermost of two, the other way round", "repo/nested", []string{".", ".."}, "# nested\n", 0},
		{"a plain folder", "plain", nil, "# plain\n", 0},
		{"the scanned folder, not the one above", "plain/sub", nil, "# sub\n", 0},
		{"a folder below the working directory", "plain", []string{"sub"}, "", 1},
		{"a file of a plain folder", "plain", []string{"sub/c.txt"}, "# plain\n", 0},
		{"from outside", ".", []string{"repo"}, "", 1},
		{"from outside, several", ".", []string{"repo", "plain", "none"}, "", 2},
		{"from outside, a file in it", ".", []string{"repo/src/a.txt"}, "", 1},
		{"a repository without one", "none", nil, "", 0},
		{"a path that is not there", "repo", []string{"missing"}, "", 0},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Chdir(filepath.Join(layout(t, files), filepath.FromSlash(tt.here)))
			c, notes, err := Find(tt.paths)
			if err != nil {
				t.Fatal(err)
			}
			got := ""
			if c != nil {
				got = string(c.text)
			}
			if got != tt.want || len(notes) != tt.notes {
				t.Errorf("%q, notes %v; want %q and %d", got, notes, tt.want, tt.notes)
			}
			for _, n := range notes {
				if !strings.Contains(n.Words, "was not used") {
					t.Error(n.Words)
				}
			}
		})
	}
}

func TestABareRepositoryHasNoConfiguration(t *testing.T) {
	root := layout(t, map[string]string{"bare.git/": ""})
	if err := os.WriteFile(filepath.Join(root, "bare", Name), []byte("x"), 0o600); err != nil {
		t.Fatal(err)
	}
	t.Chdir(filepath.Join(root, "bare"))
	if c, notes, err := Find(nil); c != nil || notes != nil || err != nil {
		t.Errorf("%v, %v, %v", c, notes, err)
	}
}

func TestAConfigurationIsASmallRegularFileOfItsFolder(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("links and FIFOs are other things there")
	}
	for name, set := range map[string]func(t *testing.T, root, path string) string{
		"a folder": func(t *testing.T, _, path string) string {
			return check(t, os.Mkdir(path, 0o755), "not a regular file")
		},
		"too large": func(t *testing.T, _, path string) string {
			return check(t, os.WriteFile(path, make([]byte, maxSize+1), 0o600), "larger than 1 MiB")
		},
		"a link out of the root": func(t *testing.T, root, path string) string {
			check(t, os.WriteFile(filepath.Join(filepath.Dir(root), "outside"), []byte(rule), 0o600), "")
			return check(t, os.Symlink("../outside", path), "escapes")
		},
		"an absolute link": func(t *testing.T, _, path string) string {
			return check(t, os.Symlink("/etc/hostname", path), "escapes")
		},
		"a FIFO": func(t *testing.T, _, path string) string {
			return check(t, exec.Command("mkfifo", path).Run(), "not a regular file")
		},
		"a dangling link": func(t *testing.T, _, path string) string {
			return check(t, os.Symlink("nowhere", path), "no such file")
		},
		"a link inside the root": func(t *testing.T, root, path string) string {
			check(t, os.WriteFile(filepath.Join(root, "other.toml"), []byte(rule), 0o600), "")
			return check(t, os.Symlink("other.toml", path), "")
		},
		"as large as may be": func(t *testing.T, _, path string) string {
			return check(t, os.WriteFile(path, bytes.Repeat([]byte("\n"), maxSize), 0o600), "")
		},
	} {
		t.Run(name, func(t *testing.T) {
			root := filepath.Join(t.TempDir(), "root")
			if err := os.Mkdir(root, 0o755); err != nil {
				t.Fatal(err)
			}
			want := set(t, root, filepath.Join(root, Name))
			t.Chdir(root)
			_, _, err := Find(nil)
			if (err == nil) != (want == "") || err != nil && (!strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), Name)) {
				t.Errorf("got %v, want %q", err, want)
			}
		})
	}
}

func check(t *testing.T, err error, want string) string {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
	return want
}

func TestOnlyANamedConfigurationMayHaveAProbe(t *testing.T) {
	probe := rule + "[rule.probe]\nauth = \"bearer\"\nproduction = \"https://acme.example/v1/ping\"\nsources = [\"https://acme.example/docs\"]\n" +
		"[[rule.probe.answers]]\nstatus = \"2xx\"\nverdict = \"active\"\ncode = \"accepted\"\n"
	root := layout(t, map[string]string{"plain/" + Name: probe})
	t.Chdir(filepath.Join(root, "plain"))
	c, err := Named(Name)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := rules.Load(nil, c.Rules()...); err != nil {
		t.Error(err)
	}
	if c, _, err = Find(nil); err != nil {
		t.Fatal(err)
	}
	if _, err := rules.Load(nil, c.Rules()...); err == nil || !strings.Contains(err.Error(), "line 5, column 1") {
		t.Errorf("got %v", err)
	}
	var none *Config
	if none.Rules() != nil {
		t.Error("no configuration has rules")
	}
	if _, err := Named("missing.toml"); err == nil {
		t.Error("a file that is not there was read")
	}
}

func TestFilesOfWindowsEditorsAreRead(t *testing.T) {
	t.Chdir(t.TempDir())
	wide := func(text string) string {
		out := "\xff\xfe"
		for i := range len(text) {
			out += text[i:i+1] + "\x00"
		}
		return out
	}
	const baseline, settings = "keysweep-baseline 1\r\n", "[[allow]]\npath = 'a'\nreason = 'b'\n"
	for _, form := range []func(string) string{func(s string) string { return "\ufeff" + s }, wide} {
		for name, text := range map[string]string{"b": form(baseline), "c": form(settings)} {
			if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		if _, err := NamedBaseline("b"); err != nil {
			t.Error(err)
		}
		if _, err := Named("c"); err != nil {
			t.Error(err)
		}
	}
}
