package rules

import (
	"math/rand/v2"
	"strings"
	"testing"

	"keysweep/rules/score"
)

const (
	hexDigits = "0123456789abcdef"
	base36    = "0123456789abcdefghijklmnopqrstuvwxyz"
	base62    = base36 + "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
	base64url = base62 + "-_"
)

// filler returns n characters of alphabet, the same for the same seed.
func filler(alphabet string, n int, seed uint64) string {
	r := rand.New(rand.NewPCG(seed, 42))
	var b strings.Builder
	for range n {
		b.WriteByte(alphabet[r.IntN(len(alphabet))])
	}
	return b.String()
}

// bodyWith returns a random body that holds.
func bodyWith(t *testing.T, alphabet string, n int, holds func(score.Score) bool) string {
	for seed := range uint64(100_000) {
		b := filler(alphabet, n, seed)
		if s := score.Of([]byte(b)); s.Veto() == "" && s.Typed < score.MinTyped && holds(s) {
			return b
		}
	}
	t.Fatal("no such body")
	return ""
}

func TestShortBodiesAssignedToASecretMayScoreHigher(t *testing.T) {
	m := loaded(t).NewMatcher()
	body := bodyWith(t, base62, 16, func(s score.Score) bool { return s.LLR >= score.Max && s.LLR < score.Strong })
	long := bodyWith(t, base36, 20, func(s score.Score) bool { return s.LLR >= score.Max && s.LLR < score.Strong })
	for _, tt := range []struct {
		text string
		want int
	}{
		{"API_KEY={{live}}" + body, 1},
		{`"secret": "{{live}}` + body + `"`, 1},
		{`token => 'Bearer {{live}}` + body + `'`, 1},
		{`config["apiKey"] = "{{live}}` + body + `"`, 1},
		{"name={{live}}" + body, 0},
		{"the key {{live}}" + body, 0},
		{"API_KEY={{live}}" + long, 0},
	} {
		text := expand(t, tt.text)
		if got := m.Matches([]byte(text), Span{0, len(text)}); len(accepted(got)) != tt.want {
			t.Errorf("want %d keys:\n%s", tt.want, revealed(got))
		}
	}
}
