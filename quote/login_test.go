package quote

import "testing"

func TestWhatStandsBeforeAHostIsNotPrinted(t *testing.T) {
	for text, want := range map[string]string{
		"":                                 "",
		"no address a@b":                   "no address a@b",
		"https://u:p@h/x: no":              "https://h/x: no",
		"'https://u:p@h/x' and ssh://q@h/": "'https://h/x' and ssh://h/",
		"https://u:p/q@h/x no":             "https://h/x no",
		"https://u:p@q@h/x":                "https://h/x",
		"https://h/x@y":                    "https://h/x@y",
		"https://h:80/x":                   "https://h:80/x",
		"x://":                             "x://",
	} {
		if got := HideLogins(text); got != want {
			t.Errorf("%s: %s, want %s", text, got, want)
		}
	}
}
