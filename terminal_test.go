package main

import (
	"os"
	"strings"
	"testing"
)

func TestColorFollowsTheEnvironment(t *testing.T) {
	file, err := os.CreateTemp(t.TempDir(), "")
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	for _, tt := range []struct {
		when, variables string
		want            bool
	}{
		{"auto", "", false}, // no terminal
		{"always", "", true},
		{"always", "NO_COLOR=1 CI=true TERM=dumb", true},
		{"never", "FORCE_COLOR=1", false},
		{"auto", "FORCE_COLOR=1", true},
		{"auto", "CLICOLOR_FORCE=1 CI=true", true},
		{"auto", "FORCE_COLOR=0", false},
		{"auto", "FORCE_COLOR=false", false},
		{"auto", "NO_COLOR=1 FORCE_COLOR=1", false},
	} {
		t.Run(tt.when+" "+tt.variables, func(t *testing.T) {
			plain(t)
			for _, v := range strings.Fields(tt.variables) {
				name, value, _ := strings.Cut(v, "=")
				t.Setenv(name, value)
			}
			if got := useColor(tt.when, file); got != tt.want {
				t.Errorf("%v, want %v", got, tt.want)
			}
		})
	}
}

func TestMessagesCannotBeForged(t *testing.T) {
	key := testKey("sk_test_", "message", 30)
	for _, tt := range []struct{ message, want string }{
		{"cannot scan: no such path: a b", "cannot scan: no such path: a b"},
		{"bad\n  keysweep scan --help lists", "bad\n  keysweep scan --help lists"},
		{"a\nkeysweep: all is well", "a\n  keysweep: all is well"},
		{"a\x1b[2J", `"a\x1b[2J"`},
		{"a\n::stop-commands::x", "a\n  \"\\x3a:stop-commands::x\""},
		{"no such path: " + key, "no such path: sk_test_…"},
		{"sk_live_ is a prefix", "sk_live_ is a prefix"},
		{"a\n\n", "a"},
	} {
		if got := printable(tt.message); got != tt.want {
			t.Errorf("%q became %q, want %q", tt.message, got, tt.want)
		}
	}
}
