package linehash

import (
	"bytes"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// hashesOf returns the hashes of the lines 1 to n of text, written in pieces.
func hashesOf(text string, n, piece int) []string {
	var lines []int
	for i := range n {
		lines = append(lines, i+1)
	}
	h := New(lines)
	for b := []byte(text); len(b) > 0; {
		k := min(piece, len(b))
		_, _ = h.Write(b[:k])
		b = b[k:]
	}
	got := h.Finish()
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
	h := New([]int{137})
	_, _ = h.Write([]byte(text))
	if got := h.Finish()[137]; got != all[136] || !strings.HasSuffix(got, ":137") {
		t.Errorf("%s, want %s", got, all[136])
	}
}

func FuzzLineHashesDoNotDependOnPieces(f *testing.F) {
	f.Add([]byte(" a\r\nb\xe2\x82\n😀"), 3)
	f.Fuzz(func(t *testing.T, text []byte, piece int) {
		n := bytes.Count(text, []byte("\n")) + bytes.Count(text, []byte("\r")) + 2
		if diff := cmp.Diff(hashesOf(string(text), n, 1<<30), hashesOf(string(text), n, max(1, piece%9))); diff != "" {
			t.Error(diff)
		}
	})
}
