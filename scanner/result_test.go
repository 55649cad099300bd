package scanner

import (
	"context"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/iotest"
	"unicode/utf16"

	"github.com/google/go-cmp/cmp"

	"keysweep/finding"
	"keysweep/linehash"
)

// hashesOf returns the hashes of the lines 1 to n of text.
func hashesOf(text string, n int) []string {
	var lines []int
	for i := range n {
		lines = append(lines, i+1)
	}
	h := linehash.New(lines)
	_, _ = io.WriteString(h, text)
	got := h.Finish()
	var list []string
	for i := range n {
		list = append(list, got[i+1])
	}
	return list
}

// TestUnits compares with the standard library's encoder, in pieces that end
// where characterEnd says.
func TestUnits(t *testing.T) {
	r := rand.New(rand.NewPCG(5, 5))
	pieces := []string{"plain ascii text of some length, more than a block", "é", "世界", "😀", "\xff", "\xe2\x82", "\xf0\x9f\x98", "\x80", "\xed\xa0\x80", "x"}
	for range 2000 {
		var text []byte
		for range r.IntN(12) {
			text = append(text, pieces[r.IntN(len(pieces))]...)
		}
		want := 0
		for _, c := range string(text) {
			want += utf16.RuneLen(c)
		}
		if got := units(text); got != want {
			t.Fatalf("units(%q) = %d, want %d", text, got, want)
		}
		for cut := range text {
			k := characterEnd(text[:cut])
			if got := units(text[:k]) + units(text[k:]); got != want || cut-k > 3 {
				t.Fatalf("%q in parts at %d: %d units, want %d", text, k, got, want)
			}
		}
	}
}

func TestColumnsInUnitsAroundWindowEdges(t *testing.T) {
	if testing.Short() {
		return // one goroutine, for half a minute with the race detector
	}
	set := loadRules(t)
	k := key(rand.New(rand.NewPCG(6, 6)))
	for _, filler := range []string{"é ", "世 ", "😀 ", "\xff ", "😀", "x "} {
		for shift := range 5 {
			line := strings.Repeat("a", shift) + strings.Repeat(filler, 2*windowSize/len(filler))
			want := utf16Len(line) + 2
			text := "first\n" + line + "\"" + k + "\"\n"
			j := newCollector(set, false, new(Progress)).newJudge(context.Background())
			if _, err := j.stream(iotest.HalfReader(strings.NewReader(text)), location{}); err != nil {
				t.Fatal(err)
			}
			j.whole([]byte(text), location{path: "whole"})
			if len(j.list) != 2 {
				t.Fatalf("%d keys", len(j.list))
			}
			for _, s := range j.list {
				if s.view.unitColumn != want || s.view.unitEndColumn != want+len(k) || s.at.column != len(line)+2 {
					t.Errorf("%q: columns %d to %d, want %d; in bytes %d, want %d", filler, s.view.unitColumn, s.view.unitEndColumn, want, s.at.column, len(line)+2)
				}
			}
		}
	}
}

func utf16Len(s string) (n int) {
	for _, c := range s {
		n += utf16.RuneLen(c)
	}
	return n
}

// lineHashes returns "path:line" and hash of every occurrence in a file.
func lineHashes(res *finding.Result) map[string]string {
	m := make(map[string]string)
	for _, f := range res.Findings {
		for _, o := range f.Listed {
			if o.Source == finding.SourceWorktree {
				m[o.Path+":"+string(rune('0'+o.Line))] = o.LineHash
			}
		}
	}
	return m
}

func TestLineHashesAreOfFilesAndOnlyIfAskedFor(t *testing.T) {
	r := newRepo(t, filepath.Join(t.TempDir(), "r"))
	k := keysOf(4, 11)
	one, two := "# é\nKEY="+k[0]+"\nKEY="+k[0]+"\n", "A="+k[1]+"; B="+k[2]
	write(t, filepath.Join(r.dir, "d/one"), one)
	write(t, filepath.Join(r.dir, "two"), two)
	r.commit("files")
	if err := os.Symlink(k[3], filepath.Join(r.dir, "link")); err != nil {
		t.Fatal(err)
	}
	want := map[string]string{"d/one:2": hashesOf(one, 3)[1], "d/one:3": hashesOf(one, 3)[2], "two:1": hashesOf(two, 1)[0],
		"link:1": ""} // what a link says is no line of a file
	res := scanAll(t, Options{Paths: []string{r.dir}, LineHashes: true})
	if diff := cmp.Diff(want, lineHashes(res)); diff != "" {
		t.Error(diff)
	}
	for _, f := range res.Findings {
		for _, o := range f.Listed {
			if o.Source == finding.SourceBlob && o.LineHash != "" {
				t.Errorf("a line of the history has the hash %s", o.LineHash)
			}
		}
	}
	// A file as target.
	res = scanAll(t, Options{Paths: []string{filepath.Join(r.dir, "d", "one")}, LineHashes: true})
	if got := lineHashes(res)["one:2"]; got != want["d/one:2"] {
		t.Errorf("in a file named itself: %q", got)
	}
	res = scanAll(t, Options{Paths: []string{r.dir}})
	for at, hash := range lineHashes(res) {
		if hash != "" {
			t.Errorf("%s has a hash that was not asked for", at)
		}
	}
}

func TestAFileThatIsNoLongerWhatItWasHasNoLineHash(t *testing.T) {
	k := keysOf(2, 12)
	for name, change := range map[string]func(path string) error{
		"gone":               os.Remove,
		"a line more":        func(p string) error { return os.WriteFile(p, []byte("\nKEY="+k[0]+"\n"), 0o644) },
		"another key":        func(p string) error { return os.WriteFile(p, []byte("KEY="+k[1]+"\n"), 0o644) },
		"empty":              func(p string) error { return os.Truncate(p, 0) },
		"a folder":           func(p string) error { _ = os.Remove(p); return os.Mkdir(p, 0o755) },
		"a link to a twin":   func(p string) error { _ = os.Rename(p, p+"2"); return os.Symlink(p+"2", p) },
		"unchanged (to see)": func(string) error { return nil },
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			path := filepath.Join(dir, "a.env")
			write(t, path, "KEY="+k[0]+"\n")
			s, err := Prepare(Options{Paths: []string{dir}, LineHashes: true, Now: fixedClock})
			if err != nil {
				t.Fatal(err)
			}
			s.collector = newCollector(loadRules(t), false, s.opts.Progress)
			if err := s.scanTarget(t.Context(), s.targets[0]); err != nil {
				t.Fatal(err)
			}
			if err := change(path); err != nil {
				t.Fatal(err)
			}
			s.finish(t.Context())
			got := lineHashes(s.result)["a.env:1"]
			if (got == "") == (name == "unchanged (to see)") {
				t.Errorf("the hash is %q", got)
			}
		})
	}
}

func TestHistoriesSayWhichFolderTheirPathsAreBelow(t *testing.T) {
	top := t.TempDir()
	k := keysOf(3, 13)
	sub := newRepo(t, filepath.Join(top, "sub"))
	write(t, filepath.Join(sub.dir, "x.txt"), k[0]+"\n")
	sub.commit("with a key")
	r := newRepo(t, filepath.Join(top, "r"))
	r.git("submodule", "--quiet", "add", sub.dir, "module")
	r.commit("added")
	r.git("rm", "-q", "module")
	write(t, filepath.Join(r.dir, "d/own.txt"), k[1]+"\n")
	r.commit("removed")
	inner := newRepo(t, filepath.Join(r.dir, "e/inner"))
	write(t, filepath.Join(inner.dir, "y.txt"), k[2]+"\n")
	inner.commit("inner")
	for path, want := range map[string]map[string]string{
		"":  {"x.txt": ".git/modules/module", "d/own.txt": "", "y.txt": "e/inner"},
		"d": {"d/own.txt": "..", "x.txt": "../.git/modules/module"},
	} {
		got := map[string]string{}
		opts := Options{Paths: []string{filepath.Join(r.dir, path)}, History: path != "", Tree: path == ""}
		opts.History = true
		for _, f := range scanAll(t, opts).Findings {
			for _, o := range f.Listed {
				if o.Source == finding.SourceBlob {
					got[o.Path] = o.Folder
				}
			}
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("scanning %q: %s", path, diff)
		}
	}
}
