package worktree

import (
	"strings"
	"testing"
	"time"
)

func TestPatternsMatchAsGitignoreSays(t *testing.T) {
	for _, tt := range []struct {
		name, file string // what the ignore file holds
		path       string // "/" at the end: a folder
		want       bool   // ignored
	}{
		{"a name matches at any depth", "foo", "a/b/foo", true},
		{"a name matches folders too", "foo", "a/foo/", true},
		{"a slash in front anchors", "/foo", "a/foo", false},
		{"a slash in the middle anchors", "a/foo", "b/a/foo", false},
		{"a slash at the end means folders", "foo/", "foo", false},
		{"a slash at the end does not anchor", "foo/", "a/foo/", true},
		{"the last line decides", "*.log\n!keep.log", "a/keep.log", false},
		{"a star ends at a slash", "a/*/c", "a/b/b/c", false},
		{"two stars in front", "**/foo", "foo", true},
		{"two stars at the end need something", "abc/**", "abc/", false},
		{"two stars at the end", "abc/**", "abc/d/e", true},
		{"two stars between slashes may be nothing", "a/**/b", "a/b", true},
		{"two stars between slashes may be much", "a/**/b", "a/x/y/b", true},
		{"two stars beside a letter are one", "a/b**/c", "a/b/x/c", false},
		{"two stars beside a letter are one, and need their folder", "a/b**/c", "a/bc", false},
		{"two stars beside a letter are one, and match", "a/b**/c", "a/bx/c", true},
		{"a comment", "#foo", "#foo", false},
		{"an escaped comment", `\#foo`, "#foo", true},
		{"an escaped exclamation mark", `\!foo`, "!foo", true},
		{"spaces at the end are no part of it", "foo  ", "foo", true},
		{"an escaped space is", `foo\ `, "foo ", true},
		{"spaces behind an escaped one are not", `foo\   `, "foo ", true},
		{"a carriage return at the end is no part of it", "foo\r\nbar", "foo", true},
		{"a carriage return at the end of the file is", "foo\r", "foo\r", false},
		{"a byte order mark is skipped", "\xef\xbb\xbffoo", "foo", true},
		{"an empty line says nothing", "\n\n", "foo", false},
		{"a slash alone says nothing", "/", "foo/", false},
		{"a backslash at the end matches nothing", `foo\`, `foo\`, false},
		{"a set", "[a-c]x", "bx", true},
		{"a set's complement", "[!a-c]x", "bx", false},
		{"a set does not match a slash", "a[/]b", "a/b", false},
		{"a set without end matches nothing", "[ab", "[ab", false},
		{"a class", "[[:digit:]]", "7", true},
		{"bytes that are not UTF-8", "\xff*", "\xffoo", true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			// The carriage return stays only where git cuts none: at the very end
			// git adds the missing LF first.
			r := parseRules([]byte(tt.file), 0, false, nil)
			path, folder := strings.CutSuffix(tt.path, "/")
			if got := r.match(path, folder); got != tt.want {
				t.Errorf("%q ignores %[3]q: %[2]v, want %[4]v", tt.file, got, tt.path, tt.want)
			}
		})
	}
}

// Following one way after the other through the first two patterns takes longer
// than the universe is old: that they end is the proof that all ways are followed
// at once. The third says that the budget is kept.
func TestHostilePatternsCostLittleAndIgnoreNothingUndecided(t *testing.T) {
	for _, tt := range []struct {
		name, pattern, path string
		want                bool
	}{
		{"many stars", strings.Repeat("*a", 2000) + "b", strings.Repeat("a", 4000), false},
		{"many double stars", strings.Repeat("**/a/", 1000) + "b", strings.Repeat("a/", 1500) + "c", false},
		{"more stars than bytes", "x/" + strings.Repeat("*a", 400_000), "x/" + strings.Repeat("a", 4000), false},
		{"too dear to find out", "x/*" + strings.Repeat("a", 3000) + "b", "x/" + strings.Repeat("a", 6000), false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r := parseRules([]byte(tt.pattern), 0, false, nil)
			got := make(chan bool, 1)
			go func() { got <- r.match(tt.path, false) }()
			select {
			case got := <-got:
				if got != tt.want {
					t.Errorf("got %v, want %v", got, tt.want)
				}
			case <-time.After(time.Minute):
				t.Fatal("it does not end")
			}
		})
	}
}

func FuzzGlob(f *testing.F) {
	f.Add("a/**/b[!c-d]*\\?", "a/x/bzz?", true)
	f.Add("[[:alpha:][a-\\]]**", "]", false)
	f.Add("**/*a*?b", "x/yab", false)
	f.Fuzz(func(t *testing.T, pattern, text string, fold bool) {
		if len(pattern) > 40 || len(text) > 40 || strings.Contains(pattern, "\x00") || strings.Contains(text, "\x00") {
			return
		}
		g := compileGlob(pattern, fold)
		got, ok := g.match(text)
		if want := g.slowly(g.tokens, text); !ok || got != want {
			t.Errorf("%q matches %q: %v, want %v", pattern, text, got, want)
		}
	})
}

// slowly is match as it would be written first.
func (g *glob) slowly(tokens []token, text string) bool {
	if len(tokens) == 0 {
		return text == ""
	}
	rest := tokens[1:]
	switch tokens[0].kind {
	case tokenStar, tokenStarStar:
		for i := 0; i <= len(text); i++ {
			if g.slowly(rest, text[i:]) {
				return true
			}
			if i < len(text) && text[i] == '/' && tokens[0].kind == tokenStar {
				return false
			}
		}
		return false
	case tokenStarStarSlash:
		if g.slowly(rest, text) {
			return true
		}
		for i := range len(text) {
			if text[i] == '/' && g.slowly(rest, text[i+1:]) {
				return true
			}
		}
		return false
	}
	return text != "" && g.matchesByte(&tokens[0], text[0]) && g.slowly(rest, text[1:])
}
