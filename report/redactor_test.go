package report

import (
	"testing"

	"keysweep/finding"
)

func TestKeysInNamesAreRedacted(t *testing.T) {
	key, other := live(1), live(9)
	odd := finding.NewSecret("", "odd/key.with+everything")
	long := finding.NewSecret("sk_"+"live_", filler(7, 20)+".tail")
	start := finding.NewSecret("", "odd/key")
	encoded := stripe()
	encoded.Occurrences = append(encoded.Occurrences, finding.Occurrence{Source: finding.SourcePath, Path: "a/encoded"})
	res := result(martis(), &finding.Finding{Secret: odd}, &finding.Finding{Secret: start}, &finding.Finding{Secret: long}, encoded)
	r := newRedactor(res, Options{})
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
		if got := r.path(c.in); got != c.want {
			t.Errorf("%s: %q, want %q", c.name, got, c.want)
		}
	}
	if got := newRedactor(res, Options{ShowSecrets: true}).path(key.Reveal()); got != key.Reveal() {
		t.Errorf("whole keys were asked for, got %q", got)
	}
}
