package attribution

import (
	"keysweep/rules/finder"
	"slices"
	"testing"
)

func TestSectionsOfAText(t *testing.T) {
	a := New(nil, finder.New(nil))
	for _, tt := range []struct {
		name, text string
		want       []string // name|body
	}{
		{"none", "a = 1\nb = 2\n", nil},
		{"brackets and their names", `"a": {b: [1, {c}], d}`, []string{`b: |[1, {c}]`, `a": |{b: [1, {c}], d}`}},
		{"a call", `new Client({key, x: 1})`, []string{`Client(|{key, x: 1}`}},
		{"brackets around one name", "[martis] ${name} x['key']", nil},
		{"a bracket that closes nothing", "a: {b, c]}", []string{"a: |{b, c]}"}},
		{"a bracket that nothing closes", "a: {b, [c, d} e, f", []string{"a: |{b, [c, d}"}},
		{"a bracket that is open at the end", "a: {b, c", []string{"a: |{b, c"}},
		{"indented lines", "a:\n  b: 1\n\n  c: 2\nd: 3\n", []string{"a:\n|  b: 1\n\n  c: 2\n"}},
		{"two levels", "a:\n b:\n  c\nd\n", []string{" b:\n|  c\n", "a:\n| b:\n  c\n"}},
		{"a list right below its name", "a:\n- b\n- c\nd\n", []string{"a:\n|- b\n- c\n"}},
		{"headers", "x=1\n[a]\ny=2\n[[b.c]]\nz=3", []string{"[a]\n|y=2\n", "[[b.c]]\n|z=3"}},
		{"an array is no header", "[\"a\", 1]\nx\n", []string{"|[\"a\", 1]"}},
	} {
		var l layout
		l.read(a, []byte(tt.text), Key{len(tt.text), len(tt.text)})
		var got []string
		for _, x := range l.sections {
			got = append(got, tt.text[x.name:x.body]+"|"+tt.text[x.body:x.end])
		}
		if !slices.Equal(got, tt.want) {
			t.Errorf("%s: got %q, want %q", tt.name, got, tt.want)
		}
	}
}
