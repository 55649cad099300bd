package quote

import "testing"

func TestMessagesCannotBeForged(t *testing.T) {
	key := "sk_" + "test_" + filler(2, 30)
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
		if got := Message(tt.message); got != tt.want {
			t.Errorf("%q became %q, want %q", tt.message, got, tt.want)
		}
	}
}
