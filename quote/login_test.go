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
		"cannot scan u:p@h:x: no":          "cannot scan u:…@h:x: no",
		"https:/u:p:q@h/x":                 "https:…@h/x",
		"//u:p@h/x and git@h:x":            "//u:…@h/x and git@h:x",
		"u:p@https://v:q@h/x":              "u:…@https://h/x",
		"https://u:p@h/x,https://u:p@i/x":  "https://h/x,https://i/x",
	} {
		if got := HideLogins(text); got != want {
			t.Errorf("%s: %s, want %s", text, got, want)
		}
	}
}
