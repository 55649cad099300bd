package scanner

import (
	"path/filepath"
	"strings"
	"testing"
	"unicode/utf16"

	"keysweep/finding"
)

// wide returns s in UTF-16 with a byte order mark.
func wide(s string, big bool) string {
	var b strings.Builder
	for _, u := range utf16.Encode([]rune("\ufeff" + s)) {
		if big {
			b.Write([]byte{byte(u >> 8), byte(u)})
		} else {
			b.Write([]byte{byte(u), byte(u >> 8)})
		}
	}
	return b.String()
}

func TestTheCommentOnTheLineOfAKey(t *testing.T) {
	k := keysOf(2, 77)
	far := strings.Repeat("x ", 4096/2) // as the documentation says
	const mark = " # keysweep:allow a reason"
	long := strings.Repeat("x ", 6<<20) // so long that git's object is a stream
	if testing.Short() {
		long = strings.Repeat("x ", windowSize)
	}
	for _, tt := range []struct {
		name, text string
		found      bool
		want       string
	}{
		{"behind it", "K=" + k[0] + mark + "\n", true, "a reason"},
		{"before it", "/* keysweep:allow a reason */ K=" + k[0] + "\n", true, "a reason"},
		{"on the last line", "x\nK=" + k[0] + mark, true, "a reason"},
		{"on the line before", mark + "\nK=" + k[0] + "\n", false, ""},
		{"on the line behind", "K=" + k[0] + "\n" + mark + "\n", false, ""},
		{"without a reason", "K=" + k[0] + " # keysweep:allow\na reason", true, ""},
		{"behind another sort of line end", "K=" + k[0] + "\rX=1" + mark + "\n", false, ""},
		{"before one", "K=" + k[0] + mark + "\rX=1\n", true, "a reason"},
		{"behind a line separator", "K=" + k[0] + "\u2028X=1" + mark + "\n", false, ""},
		{"CRLF", "K=" + k[0] + mark + "\r\nx", true, "a reason"},
		{"behind two windows", strings.Repeat("line\n", windowSize/2) + "K=" + k[0] + mark + "\n", true, "a reason"},
		{"across the edge of a window", strings.Repeat("-", windowSize-100) + "\nK=" + k[0] + strings.Repeat("\t", 200) + mark + "\n", true, "a reason"},
		{"in a long line, near", long + " K=" + k[0] + mark + "\n" + far, true, "a reason"},
		{"in a long line, just near enough", "K=" + k[0] + strings.Repeat(" ", 4096-len(k[0])-len(mark)) + mark + "\n", true, "a reason"},
		{"in a long line, cut short", "K=" + k[0] + strings.Repeat(" ", 4096-len(k[0])-len(mark)+3) + mark + "\n", true, "a rea"},
		{"in a long line, too far behind", "K=" + k[0] + " " + far + mark + "\n", false, ""},
		{"in a long line, too far before", "/* keysweep:allow a reason */" + far + " K=" + k[0] + "\n", false, ""},
		{"UTF-16 LE", wide("x\nK="+k[0]+" # keysweep:allow größer 鍵\ny", false), true, "größer 鍵"},
		{"UTF-16 BE", wide("x\nK="+k[0]+mark+"\ny", true), true, "a reason"},
		{"UTF-16, the line before", wide("keysweep:allow a\nK="+k[0]+"\ny", false), false, ""},
		{"a tool of another kind", "K=" + k[0] + " # gitleaks:allow a reason\n", false, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r := newRepo(t, filepath.Join(t.TempDir(), "r"))
			write(t, filepath.Join(r.dir, "f"), tt.text)
			r.commit("one")
			res := scanAll(t, Options{Paths: []string{r.dir}})
			if len(res.Findings) != 1 || len(res.Findings[0].Listed) != 2 {
				t.Fatalf("%v", occurrences(res))
			}
			for _, o := range res.Findings[0].Listed {
				if o.Comment.Found != tt.found || o.Comment.Reason != tt.want {
					t.Errorf("%s: %+v, want %v %q", o.Source, o.Comment, tt.found, tt.want)
				}
			}
		})
	}
}

func TestAReasonHoldsNoKey(t *testing.T) {
	k := keysOf(2, 78)
	dir := t.TempDir()
	write(t, filepath.Join(dir, "plain"), "K="+k[0]+" # keysweep:allow in the place of "+k[1]+" of old\n")
	write(t, filepath.Join(dir, "wide"), wide("K="+k[0]+" # keysweep:allow in the place of "+k[1]+"\n", false))
	res := scanAll(t, Options{Paths: []string{dir}})
	for _, f := range res.Findings {
		for _, o := range f.Listed {
			if !o.Comment.Found || strings.Contains(o.Comment.Reason, k[1][8:]) || o.Path == "plain" && !strings.HasPrefix(o.Comment.Reason, "in the place of sk_") {
				t.Errorf("%s: %+v", o.Path, o.Comment)
			}
		}
	}
}

func TestNamesHaveNoComments(t *testing.T) {
	k := keysOf(1, 79)[0]
	dir := t.TempDir()
	write(t, filepath.Join(dir, k+" keysweep:allow me"), "x")
	res := scanAll(t, Options{Paths: []string{dir}})
	if len(res.Findings) != 1 || res.Findings[0].Listed[0].Comment != (finding.Comment{}) {
		t.Errorf("%+v", res.Findings)
	}
}

func TestTheNewestVersionOfAFile(t *testing.T) {
	k := keysOf(1, 80)[0]
	r := newRepo(t, filepath.Join(t.TempDir(), "r"))
	write(t, filepath.Join(r.dir, "a"), "K="+k+"\n")
	r.commit("one")
	write(t, filepath.Join(r.dir, "a"), "more\nK="+k+" # keysweep:allow x\n")
	r.commit("two")
	write(t, filepath.Join(r.dir, "b"), "K="+k+"\n")
	r.git("rm", "-q", "a")
	r.commit("three")
	res := scanAll(t, Options{Paths: []string{r.dir}, History: true})
	got := map[string]bool{}
	for _, o := range res.Findings[0].Listed {
		got[o.Path+o.Comment.Reason] = o.Newest
	}
	for name, want := range map[string]bool{"a": false, "ax": true, "b": true} {
		if newest, there := got[name]; !there || newest != want {
			t.Errorf("%s: %v, want %v of %v", name, newest, want, got)
		}
	}
}
