package quote

import (
	"testing"

	"keysweep/finding"
)

// filler returns n characters that look random, from a seed.
func filler(seed uint32, n int) string {
	const alphabet = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
	b := make([]byte, n)
	for i := range b {
		seed = seed*1664525 + 1013904223
		b[i] = alphabet[seed>>16%uint32(len(alphabet))]
	}
	return string(b)
}

func live(seed uint32) finding.Secret { return finding.NewSecret("sk_"+"live_", filler(seed, 32)) }

func TestKeysInNamesAreRedacted(t *testing.T) {
	key, other := live(1), live(9)
	odd := finding.NewSecret("", "odd/key.with+everything")
	long := finding.NewSecret("sk_"+"live_", filler(7, 20)+".tail")
	start := finding.NewSecret("", "odd/key")
	encoded := &finding.Finding{Secret: live(5), Encoding: []string{"base64"},
		Occurrences: []finding.Occurrence{{Source: finding.SourcePath, Path: "a/encoded"}}}
	res := &finding.Result{
		Findings:         []*finding.Finding{{Secret: key}, {Secret: odd}, {Secret: start}, encoded},
		RejectedFindings: []*finding.Finding{{Secret: long}},
	}
	r := NewRedactor(res, false)
	for _, c := range []struct{ name, in, want string }{
		{"nothing to do", "a/b.go", "a/b.go"},
		{"a listed key", "x/" + key.Reveal() + ".txt", "x/sk_live_….txt"},
		{"twice", key.Reveal() + "/" + key.Reveal(), "sk_live_…/sk_live_…"},
		{"a listed key and more of the alphabet", key.Reveal() + "x9", "sk_live_…"},
		{"a key that is not listed", "x/" + other.Reveal(), "x/sk_live_…"},
		{"a listed key of any shape", "x/" + odd.Reveal() + "/y", "x/…/y"},
		{"the longer of two that start alike", odd.Reveal() + "/y", "…/y"},
		{"one behind the other", start.Reveal() + start.Reveal(), "……"},
		{"a listed key beyond the usual alphabet", long.Reveal() + "/x", "sk_live_…/x"},
		{"words are no key", "sk_" + "test_keys_should_not_be_committed.rb", "sk_" + "test_keys_should_not_be_committed.rb"},
		{"a short body is no key", "sk_" + "test_123abc", "sk_" + "test_123abc"},
		{"a name that is an encoded key", "a/encoded", "a/…"},
		{"below it", "a/encoded/b", "a/…/b"},
		{"beside it", "a/encoded2", "a/encoded2"},
	} {
		if got := r.Path(c.in); got != c.want {
			t.Errorf("%s: %q, want %q", c.name, got, c.want)
		}
	}
	if got := NewRedactor(res, true).Path(key.Reveal()); got != key.Reveal() {
		t.Errorf("whole keys were asked for, got %q", got)
	}
}
