package rules

import (
	"fmt"
	"math/rand/v2"
	"regexp"
	"strconv"
	"strings"
	"sync"
)

// The quotes around the key in an example.
const keyOpen, keyClose = "«", "»"

// placeholder is {{kind:length:seed}} in an example.
var placeholder = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`\{\{(\w+)(?::(\w*):([\w-]*))?\}\}`) })

// placeholderAlphabet returns the alphabet of a kind of placeholder, or "".
func placeholderAlphabet(kind string) string {
	const digits, lower, upper = "0123456789", "abcdefghijklmnopqrstuvwxyz", "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
	switch kind {
	case "digits":
		return digits
	case "hex":
		return digits + lower[:6]
	case "HEX":
		return digits + upper[:6]
	case "base36":
		return digits + lower
	case "base62":
		return digits + lower + upper
	case "base64url":
		return digits + lower + upper + "-_"
	}
	return ""
}

// Expand fills in the placeholders of an example, so that no rule file and no
// document need hold anything that looks like a key:
//
//	{{live}} {{test}}      sk_live_ and sk_test_
//	{{base62:24:seed}}     24 random characters, the same for the same seed;
//	                       also digits, hex, HEX, base36, base64url
//	{{uuid::seed}}         a random UUID
//	{{repeat:24:X}}        24 times X
func Expand(text string) (string, error) {
	var bad error
	out := placeholder().ReplaceAllStringFunc(text, func(p string) string {
		m := placeholder().FindStringSubmatch(p)
		kind, seed := m[1], m[3]
		n, _ := strconv.Atoi(m[2])
		switch {
		case kind == "live" || kind == "test":
			return "sk_" + kind + "_"
		case kind == "uuid":
			h := fill(placeholderAlphabet("hex"), 32, seed)
			return h[:8] + "-" + h[8:12] + "-4" + h[13:16] + "-a" + h[17:20] + "-" + h[20:]
		case n < 1 || n > 2*maxBody:
			bad = fmt.Errorf("%s: a length is 1 to %d", p, 2*maxBody)
		case kind == "repeat":
			return strings.Repeat(seed, n)
		case placeholderAlphabet(kind) != "":
			return fill(placeholderAlphabet(kind), n, seed)
		default:
			bad = fmt.Errorf("%s: unknown kind %q", p, kind)
		}
		return p
	})
	return out, bad
}

func fill(alphabet string, n int, seed string) string {
	var s uint64
	for _, c := range []byte(seed) {
		s = s*131 + uint64(c)
	}
	r := rand.New(rand.NewPCG(s, 1))
	var b strings.Builder
	for range n {
		b.WriteByte(alphabet[r.IntN(len(alphabet))])
	}
	// Ends that the matcher trims would make an example depend on its seed.
	kept := strings.TrimRight(b.String(), "-_")
	return kept + strings.Repeat("a", n-len(kept))
}

// unquoteKey removes the quotes around the key and says where they were.
func unquoteKey(text string) (string, Span, bool) {
	before, rest, ok1 := strings.Cut(text, keyOpen)
	key, after, ok2 := strings.Cut(rest, keyClose)
	if !ok1 || !ok2 {
		return text, Span{}, false
	}
	return before + key + after, Span{len(before), len(before) + len(key)}, true
}
