package rules

import "testing"

func TestSetsAreReadAndWritten(t *testing.T) {
	for set, want := range map[string]string{
		"": "0-9A-Z_a-z-", base64URL: "0-9A-Z_a-z-", "a-z0-9": "0-9a-z", "x": "x", "ab": "ab", "abc": "a-c", `\d`: "0-9", "é": "", "Aa": "Aa", "^!-~": "\x00- \x7f",
	} {
		a, err := parseAlphabet(set)
		if err != nil || a.String() != want {
			t.Errorf("%q: got %q, %v, want %q", set, a.String(), err, want)
		}
	}
	for _, set := range []string{"z-a", "a]|[b", "[", "^", `\`} {
		if _, err := parseAlphabet(set); err == nil {
			t.Errorf("%q is a set", set)
		}
	}
}
