package remote

import (
	"errors"
	"fmt"
	"runtime"
	"strings"
	"testing"
)

func TestAddressesAreReadAndPrintedWithoutCredentials(t *testing.T) {
	for _, c := range []struct{ text, want string }{
		{"https://example.com/a/b.git", "https://example.com/a/b.git"},
		{"https://user:secret@example.com/a/b/", "https://example.com/a/b"},
		{"HTTPS://user@Example.com:8443/a%20b", "https://Example.com:8443/a%20b"},
		{"http://[::1]:8080/r", "http://[::1]:8080/r"},
		{"git://example.com/r", "git://example.com/r"},
		{"ssh://git@example.com:22/~me/r", "ssh://git@example.com:22/~me/r"},
		{"ssh://secret:word@example.com/r", "ssh://example.com/r"},
		{"git@example.com:a/b.git", "git@example.com:a/b.git"},
		{"secret@example.com:a/b.git", "example.com:a/b.git"},
		{"git@[::1]:a/b.git", "git@[::1]:a/b.git"},
		{"git@example.com:a@b:c", "git@example.com:a@b:c"},
		{"https://[fe80::1%25eth0]:8080/r", "https://[fe80::1%25eth0]:8080/r"},
		{"git://example.com/r//", "git://example.com/r"},
		{"ssh://git@example.com/~me/r/", "ssh://git@example.com/~me/r"},
	} {
		if !IsAddress(c.text) {
			t.Errorf("%s is no address", c.text)
		}
		a, err := Parse(c.text)
		if err != nil {
			t.Errorf("%s: %v", c.text, err)
			continue
		}
		if got := a.String(); got != c.want {
			t.Errorf("%s: %s, want %s", c.text, got, c.want)
		}
		for _, shown := range []string{fmt.Sprint(a), fmt.Sprintf("%+v", a), fmt.Sprintf("%#v", a), fmt.Sprintln(a)} {
			if strings.Contains(shown, "secret") || strings.Contains(shown, "word") {
				t.Errorf("%s: printed as %s", c.text, shown)
			}
		}
	}
}

func TestWhatIsNoAddressIsAPath(t *testing.T) {
	for _, text := range []string{".", "-", "a/b", "/a/b", "C:\\x", "c:/x", "host:path", "./git@x:y", "a@b", "@h:p", "u@h:", "address.go", "x://y"} {
		if IsAddress(text) {
			t.Errorf("%s is an address", text)
		}
	}
}

func TestBadAddressesAreRefusedWithoutTheirPassword(t *testing.T) {
	for _, text := range []string{
		"https://u:secret@/x", "https://u:secret@h", "https://u:secret@h/", "ftp://u:secret@h/x", "ext::secret://h/x", "https://u:secret%zz@h/x",
		"https://u:sec/ret@h/x", "https://u:secret@h/x?y=z", "https://u:secret@h:99999/x", "ssh://u:secret@-oProxyCommand=x/y", "u@-oProxy:secret",
		"ssh://u:secret@h/x%0ay", "u:secret@h:x", "u:secret@[::1]:x", "file://u:secret@h/x", "https://u:secret@h:port/x",
	} {
		_, err := Parse(text)
		if !errors.Is(err, ErrAddress) {
			t.Errorf("%s: %v", text, err)
		} else if strings.Contains(err.Error(), "sec") {
			t.Errorf("%s: printed: %v", text, err)
		}
	}
}

func TestAFileAddressIsAPath(t *testing.T) {
	paths := map[string]string{"file:///a/b%20c": "/a/b c", "FILE://localhost/x": "/x"}
	if runtime.GOOS == "windows" {
		paths = map[string]string{"file:///C:/b%20c": "C:/b c", "FILE://localhost/C:/x": "C:/x"}
	}
	for text, want := range paths {
		if got, ok := LocalPath(text); !ok || got != want {
			t.Errorf("%s: %q", text, got)
		}
	}
	for _, text := range []string{"file://host/x", "/a", "https://h/x", "file://"} {
		if got, ok := LocalPath(text); ok {
			t.Errorf("%s: %q", text, got)
		}
	}
}

func TestRefsAreChosenByGlobs(t *testing.T) {
	all := []string{"HEAD", "refs/heads/main", "refs/heads/a/b", "refs/tags/v1", "refs/notes/commits", "refs/pull/1/head", "refs/pull/1/merge", "refs/x"}
	for _, c := range []struct {
		globs []string
		want  string
	}{
		{nil, "HEAD refs/heads/main refs/heads/a/b refs/tags/v1 refs/notes/commits"},
		{[]string{"refs/*"}, strings.Join(all[1:], " ")},
		{[]string{"refs/heads/m*"}, "refs/heads/main"},
		{[]string{"+refs/pull/*/head"}, "HEAD refs/heads/main refs/heads/a/b refs/tags/v1 refs/notes/commits refs/pull/1/head"},
		{[]string{"refs/x", "+refs/pull/*/*e*"}, "refs/pull/1/head refs/pull/1/merge refs/x"},
		{[]string{"refs/heads/*/b"}, "refs/heads/a/b"},
	} {
		s, err := Select(c.globs)
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, name := range all {
			if s.takes(name) {
				got = append(got, name)
			}
		}
		if strings.Join(got, " ") != c.want {
			t.Errorf("%q: %q", c.globs, got)
		}
	}
	for _, glob := range []string{"", "+", "main", "refs/heads/{a,b}", "refs/heads/?", "refs/heads/a b"} {
		if _, err := Select([]string{glob}); err == nil {
			t.Errorf("%q is taken", glob)
		}
	}
}

func TestNamesThatNoRefHasAreRefused(t *testing.T) {
	for _, name := range []string{"refs/heads/a..b", "refs/heads/../x", "refs/heads/.a", "refs/heads/a.lock", "refs//a", "refs/heads/a\nb", "refs/heads/a b", "HEAD", "refs/heads/a@{1}", "refs/a/", "refs/a."} {
		if isRefName(name) {
			t.Errorf("%q is taken", name)
		}
	}
	for _, name := range []string{"refs/heads/main", "refs/tags/ü", "refs/pull/1/head", "refs/heads/@"} {
		if !isRefName(name) {
			t.Errorf("%q is refused", name)
		}
	}
}

func TestErrorsNameNoAddressAndEndAfterALine(t *testing.T) {
	long := strings.Repeat("x", 1000)
	for _, text := range []string{"dial https://u:secret@h/x: no", "secret@h refused", long + "\nsecret"} {
		got := plain(errors.New(text))
		if strings.Contains(got, "secret") || len(got) > maxWords+5 {
			t.Errorf("%s: %s", text, got)
		}
	}
}

func TestLinksHaveTheFormOfTheirHost(t *testing.T) {
	for _, c := range []struct{ address, file, commit string }{
		{"https://github.com/o/r.git", "https://github.com/o/r/blob/{commit}/{path}#L{line}", "https://github.com/o/r/commit/{commit}"},
		{"git@github.com:o/r.git", "https://github.com/o/r/blob/{commit}/{path}#L{line}", "https://github.com/o/r/commit/{commit}"},
		{"ssh://git@GitLab.com:22/g/s/r", "https://gitlab.com/g/s/r/-/blob/{commit}/{path}#L{line}", "https://gitlab.com/g/s/r/-/commit/{commit}"},
		{"https://u:p@bitbucket.org/o/r", "https://bitbucket.org/o/r/src/{commit}/{path}#lines-{line}", "https://bitbucket.org/o/r/commits/{commit}"},
		{"https://codeberg.org/o/r", "https://codeberg.org/o/r/src/commit/{commit}/{path}#L{line}", "https://codeberg.org/o/r/commit/{commit}"},
		{"git@ssh.dev.azure.com:v3/o/p/r", "https://dev.azure.com/o/p/_git/r?version=GC{commit}&path=/{path}&line={line}&lineEnd={line}&lineStartColumn=1&lineEndColumn=200", "https://dev.azure.com/o/p/_git/r/commit/{commit}"},
		{"https://git.example:8443/o/r", "https://git.example:8443/o/r/-/blob/{commit}/{path}#L{line}", "https://git.example:8443/o/r/-/commit/{commit}"},
		{"https://other.example/o/r", "", ""},
	} {
		a, err := Parse(c.address)
		if err != nil {
			t.Fatal(err)
		}
		got := a.Forge(map[string]string{"git.example": "gitlab"})
		if got == nil {
			got = &Forge{}
		}
		if got.File != c.file || got.Commit != c.commit {
			t.Errorf("%s: %s, %s", c.address, got.File, got.Commit)
		}
	}
	for _, text := range []string{"", "x", "x=y", "=github", "github"} {
		if _, _, err := ParseForge(text); err == nil {
			t.Errorf("%q is taken", text)
		}
	}
}
