package scanner

import (
	"bytes"
	"context"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/iotest"
	"unicode/utf16"

	"github.com/google/go-cmp/cmp"

	"keysweep/finding"
)

// hashesOf returns the hashes of the lines 1 to n of text, written in pieces.
func hashesOf(text string, n, piece int) []string {
	var lines []int
	for i := range n {
		lines = append(lines, i+1)
	}
	h := newLineHasher(lines)
	for b := []byte(text); len(b) > 0; {
		k := min(piece, len(b))
		_, _ = h.Write(b[:k])
		b = b[k:]
	}
	got := h.finish()
	var list []string
	for i := range n {
		list = append(list, got[i+1])
	}
	return list
}

func TestLinesAreHashedAsTheUploadActionDoes(t *testing.T) {
	// The first eight are the figures of the action's own tests; the others
	// come from a second implementation, in JavaScript, whose decoder is that
	// of the action.
	ended := []string{"e9496ae3ebfced30:1", "fb7c023a8b9ccb3f:1", "ce8ba1a563dcdaca:1", "e20e36e16fcb0cc8:1", "b3edc88f2938467e:1", "c8e28b0b4002a3a0:1", "c129715d7a2bc9a3:1"}
	for _, c := range []struct {
		name, text string
		want       []string
	}{
		{"an empty file is one line", "", []string{"c129715d7a2bc9a3:1"}},
		{"leading space", " a\nb\n  \t\tc\n d", []string{"271789c17abda88f:1", "54703d4cd895b18:1", "180aee12dab6264:1", "a23a3dc5e078b07b:1"}},
		{"a last line without an end", " hello; \t\nworld!!!\n\n\n  \t\tGreetings\n End",
			[]string{"8b7cf3e952e7aeb2:1", "b1ae1287ec4718d9:1", "bff680108adb0fcc:1", "c6805c5e1288b612:1", "b86d3392aea1be30:1", "e6ceba753e1a442:1"}},
		{"LF", " hello; \t\nworld!!!\n\n\n  \t\tGreetings\n End\n", ended},
		{"CR", " hello; \t\nworld!!!\r\r\r  \t\tGreetings\r End\r", ended},
		{"CR LF", " hello; \t\r\nworld!!!\r\n\r\n\r\n  \t\tGreetings\r\n End\r\n", ended},
		{"all of them", " hello; \t\nworld!!!\r\n\n\r  \t\tGreetings\r End\r\n", ended},
		{"equal lines are numbered", strings.Repeat("Lorem ipsum dolor sit amet.\n", 10),
			[]string{"a7f2ff13bc495cf2:1", "a7f2ff13bc495cf2:2", "a7f2ff13bc495cf2:3", "a7f2ff13bc495cf2:4", "a7f2ff13bc495cf2:5", "a7f2ff13bc495cf2:6",
				"a7f2ff1481e87703:1", "a9cf91f7bbf1862b:1", "55ec222b86bcae53:1", "cc97dc7b1d7d8f7b:1", "c129715d7a2bc9a3:1"}},
		{"characters of every size", "é世界\n😀 x\nÄ", []string{"7f1fc96816883b47:1", "a11968d1d70c8196:1", "42164d2c72ed135b:1"}},
		{"a byte order mark counts", "\ufeffa\nb", []string{"763375ab6ee38983:1", "8ee5a81e681643c1:1"}},
		{"a line longer than what is hashed", strings.Repeat("x", 250) + "\nend\n", []string{"52b56201ffb58620:1", "fe2be582c6296f40:1", "c129715d7a2bc9a3:1"}},
		{"blanks at the end", "a\n  \t", []string{"243cbaa4685aab12:1", "c129715d7a2bc9a3:1"}},
		{"NUL", "\x00\x00\n\x00", []string{"15ec6129f2d75a45:1", "dbb503105d3f7427:1"}},
		{"bytes that are not UTF-8", "a\xe2\x82b\xff\xfe\n\xf0\x9f\x98\n\xed\xa0\x80\xc0\xaf\xf4\x90\x80\x80\n\xe2",
			[]string{"430534aba8bd2f02:1", "37f7b3cb936a3146:1", "bc356551c5ef12eb:1", "8989dec65f08d110:1"}},
	} {
		for _, piece := range []int{1 << 20, 1, 3} {
			if diff := cmp.Diff(append(c.want, ""), hashesOf(c.text, len(c.want)+1, piece)); diff != "" {
				t.Errorf("%s, %d bytes at a time:\n%s", c.name, piece, diff)
			}
		}
	}
}

func TestALineAloneHasTheHashItHasAmongOthers(t *testing.T) {
	text := strings.Repeat("same line\n", 300)
	all := hashesOf(text, 300, 1<<20)
	h := newLineHasher([]int{137})
	_, _ = h.Write([]byte(text))
	if got := h.finish()[137]; got != all[136] || !strings.HasSuffix(got, ":137") {
		t.Errorf("%s, want %s", got, all[136])
	}
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
	set := loadRules(t)
	k := key(rand.New(rand.NewPCG(6, 6)))
	for _, filler := range []string{"é ", "世 ", "😀 ", "\xff ", "😀", "x "} {
		for shift := range 5 {
			line := strings.Repeat("a", shift) + strings.Repeat(filler, 2*windowSize/len(filler))
			want := utf16Len(line) + 2
			text := "first\n" + line + "\"" + k + "\"\n"
			j := newCollector(set, false, new(Progress)).newJudge(context.Background())
			if _, err := j.stream(iotest.HalfReader(strings.NewReader(text)), place{}); err != nil {
				t.Fatal(err)
			}
			j.whole([]byte(text), place{path: "whole"})
			if len(j.list) != 2 {
				t.Fatalf("%d keys", len(j.list))
			}
			for _, s := range j.list {
				if s.view.unitColumn != want || s.view.unitEndColumn != want+len(k) || s.place.column != len(line)+2 {
					t.Errorf("%q: columns %d to %d, want %d; in bytes %d, want %d", filler, s.view.unitColumn, s.view.unitEndColumn, want, s.place.column, len(line)+2)
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

// lineHashes returns "path:line" and hash of every place in a file.
func lineHashes(res *finding.Result) map[string]string {
	m := make(map[string]string)
	for _, f := range res.Findings {
		for _, o := range f.Occurrences {
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
	want := map[string]string{"d/one:2": hashesOf(one, 3, 99)[1], "d/one:3": hashesOf(one, 3, 99)[2], "two:1": hashesOf(two, 1, 99)[0],
		"link:1": ""} // what a link says is no line of a file
	res := scanAll(t, Options{Paths: []string{r.dir}, LineHashes: true})
	if diff := cmp.Diff(want, lineHashes(res)); diff != "" {
		t.Error(diff)
	}
	for _, f := range res.Findings {
		for _, o := range f.Occurrences {
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
			t.Errorf("%s has a hash, and nobody asked", at)
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
			s, err := newScan(Options{Paths: []string{dir}, LineHashes: true, Now: fixedClock})
			if err != nil {
				t.Fatal(err)
			}
			s.collector = newCollector(loadRules(t), false, s.progress)
			if err := s.run(t.Context()); err != nil {
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
			for _, o := range f.Occurrences {
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

func FuzzLineHashesDoNotDependOnPieces(f *testing.F) {
	f.Add([]byte(" a\r\nb\xe2\x82\n😀"), 3)
	f.Fuzz(func(t *testing.T, text []byte, piece int) {
		n := bytes.Count(text, newline) + bytes.Count(text, []byte("\r")) + 2
		if diff := cmp.Diff(hashesOf(string(text), n, 1<<30), hashesOf(string(text), n, max(1, piece%9))); diff != "" {
			t.Error(diff)
		}
	})
}
