package config

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"keysweep/exceptions"
)

// everywhere has comments in every position that TOML has for one.
const everywhere = `# first line
# second

[[rule]] # a header
# between header and key
id = "acme" # behind a value
literals = [ # behind a bracket
  "acme_live_", # in an array
  # alone in an array
]
# below the last key of a table

# above an entry, away from it

# above an entry
[[allow]] # of an entry
# within
path = "testdata/**" # of a path

# within, behind a blank line
reason = """
# no comment
[[allow]]
""" # behind a long string
expires = 2096-12-31 # day
# below an entry
[[ "allow" ]]
fingerprint = '0123456789abcdef'
reason = 'r' # last
    # indented

[[rule]]
id = "b"
literals = ["bbbb_live_"]
# last line`

func edit(t *testing.T, text string) *Edited {
	t.Helper()
	path := filepath.Join(t.TempDir(), Name)
	check(t, os.WriteFile(path, []byte(text), 0o644), "")
	e, err := Edit(path)
	if err != nil {
		t.Fatal(err)
	}
	return e
}

func TestAnEntryThatIsAddedAndRemovedLeavesTheFileAsItWas(t *testing.T) {
	for name, text := range map[string]string{
		"nothing": "", "a comment": "# a\n", "comments everywhere": everywhere + "\n", "lines of Windows": strings.ReplaceAll(everywhere+"\n", "\n", "\r\n"),
		"a byte order mark": "\ufeff" + everywhere + "\n", "blank lines at the end": "# a\n\n\n", "one blank line": "\n",
	} {
		e := edit(t, text)
		day, _ := exceptions.ParseExpires("2026-12-31")
		added := exceptions.Allow{Fingerprint: strings.Repeat("ab", 32), Path: "a/*", Reason: "a \"reason\"\n", Owner: "ü", Expires: day}
		added.Reason = strings.TrimSpace(added.Reason)
		if err := e.Add(added, "martis"); err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if !strings.HasPrefix(string(e.Text()), text) {
			t.Errorf("%s: what was there is not the start of %q", name, e.Text())
		}
		if strings.Contains(text, "\r\n") && strings.Count(string(e.Text()), "\n") != strings.Count(string(e.Text()), "\r\n") {
			t.Errorf("%s: ends of lines are mixed", name)
		}
		removed, err := e.Remove(func(a *exceptions.Allow) bool { return a.Names(added.Fingerprint) })
		if err != nil || len(removed) != 1 || string(e.Text()) != text {
			t.Errorf("%s: %v, %v, got %q", name, err, removed, e.Text())
		}
	}
}

func TestRemovingAnEntryKeepsAllOtherBytes(t *testing.T) {
	first := everywhere[strings.Index(everywhere, "[[allow]] # of"):strings.Index(everywhere, "# below an entry")]
	second := everywhere[strings.Index(everywhere, `[[ "allow"`):strings.Index(everywhere, "    # indented")]
	for name, tt := range map[string]struct {
		gone func(*exceptions.Allow) bool
		cut  []string
	}{
		"the first":  {func(a *exceptions.Allow) bool { return a.Path != "" }, []string{first}},
		"the second": {func(a *exceptions.Allow) bool { return a.Fingerprint != "" }, []string{second}},
		"both":       {func(*exceptions.Allow) bool { return true }, []string{first, second}},
		"none":       {func(*exceptions.Allow) bool { return false }, nil},
	} {
		e := edit(t, everywhere)
		want := everywhere
		for _, c := range tt.cut {
			want = strings.Replace(want, c, "", 1)
		}
		removed, err := e.Remove(tt.gone)
		if err != nil || len(removed) != len(tt.cut) || string(e.Text()) != want {
			t.Errorf("%s: %v, %d removed, got\n%s", name, err, len(removed), e.Text())
		}
	}
}

func refused(t *testing.T, err error, want string) {
	t.Helper()
	if err == nil || !strings.Contains(err.Error(), want) {
		t.Errorf("got %v, want %q", err, want)
	}
}

func TestWhatCannotBeEditedStaysAsItIs(t *testing.T) {
	sum := strings.Repeat("ab", 32)
	inline := "allow = [ { path = \"a\", reason = \"b\" }, { fingerprint = \"" + sum + "\", reason = \"b\" } ]\n"
	e := edit(t, inline)
	refused(t, e.Add(exceptions.Allow{Fingerprint: strings.Repeat("cd", 32), Reason: "r"}, ""), "in one array")
	_, err := e.Remove(func(a *exceptions.Allow) bool { return a.Names(sum) })
	refused(t, err, "in one array")
	if string(e.Text()) != inline {
		t.Errorf("%q", e.Text())
	}
	for _, a := range []struct {
		exceptions.Allow
		wrong string
	}{
		{exceptions.Allow{Fingerprint: sum}, "needs a reason"},
		{exceptions.Allow{Reason: "r"}, "needs a fingerprint or a path"},
		{exceptions.Allow{Fingerprint: sum, Path: "/a", Reason: "r"}, "from the top"},
		{exceptions.Allow{Fingerprint: sum, Path: "a[", Reason: "r"}, "not a glob"},
	} {
		refused(t, edit(t, "").Add(a.Allow, ""), a.wrong)
	}
	path := filepath.Join(t.TempDir(), Name)
	check(t, os.WriteFile(path, []byte("\xff\xfe#\x00\n\x00"), 0o644), "")
	_, err = Edit(path)
	refused(t, err, "UTF-16")
	check(t, os.WriteFile(path, []byte("[[allow]]\n"), 0o644), "")
	_, err = Edit(path)
	refused(t, err, "line 1, column 1")
}

func FuzzEdit(f *testing.F) {
	f.Add(everywhere)
	f.Add("allow = []\n")
	f.Fuzz(func(t *testing.T, text string) {
		c, err := Parse("c", []byte(text))
		if err != nil || strings.HasPrefix(text, "\ufeff") || len(text) > maxSize/2 {
			return
		}
		e := &Edited{c, []byte(text)}
		a := exceptions.Allow{Fingerprint: strings.Repeat("ab", 32), Reason: "r", Expires: time.Time{}}
		if e.Add(a, "") == nil && (!strings.HasPrefix(string(e.text), text) || !slices.ContainsFunc(e.allows, func(b exceptions.Allow) bool { return b.Fingerprint == a.Fingerprint })) {
			t.Errorf("added: %q", e.text)
		}
		_, _ = e.Remove(func(b *exceptions.Allow) bool { return b.Line%2 == 0 })
	})
}
