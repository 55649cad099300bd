package rules

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"

	"keysweep/finding"
)

// The quotes around the key in an example.
const keyOpen, keyClose = "«", "»"

// placeholder is {{kind:length:seed}} in an example.
var placeholder = pattern(`\{\{(\w+)(?::(\w*):([\w-]*))?\}\}`)

// placeholderAlphabet returns the alphabet of a kind of placeholder, or "".
func placeholderAlphabet(kind string) string {
	const digits, lower, upper = "0123456789", "abcdefghijklmnopqrstuvwxyz", "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
	return map[string]string{
		"digits": digits, "hex": digits + lower[:6], "HEX": digits + upper[:6],
		"base36": digits + lower, "base62": digits + lower + upper, "base64url": digits + lower + upper + "-_",
	}[kind]
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

// Proof is the result of one example of a rule.
type Proof struct {
	Rule    *Rule
	Counter bool  // it is one of CounterExamples
	Number  int   // 1-based, among its like
	Err     error // nil: it holds. It holds no key.
}

// ProveRule runs the examples and counter-examples of r, a rule of s. An example
// must give one key, of the rule's issuer if it names one, between « and » if
// they are there. A counter-example must give none.
func (s *Set) ProveRule(r *Rule) []Proof {
	m := s.NewMatcher()
	var list []Proof
	for i, text := range slices.Concat(r.Examples, r.CounterExamples) {
		p := Proof{Rule: r, Counter: i >= len(r.Examples), Number: i + 1}
		if p.Counter {
			p.Number -= len(r.Examples)
		}
		if text, p.Err = Expand(text); p.Err == nil {
			p.Err = s.prove(m, r, text, p.Counter)
		}
		list = append(list, p)
	}
	return list
}

func (s *Set) prove(m *Matcher, r *Rule, text string, counter bool) error {
	text, span, quoted := unquoteKey(text)
	found, rejected := m.split(text)
	switch {
	case counter && len(found) > 0:
		return fmt.Errorf("there is a key, of %s confidence by the rule %s", found[0].Confidence, found[0].RuleID)
	case counter:
		return nil
	case len(found) != 1:
		return fmt.Errorf("%d keys, want 1%s", len(found), rejected)
	}
	k := found[0]
	if quoted && (k.Start != span.Start || k.End != span.End) {
		return fmt.Errorf("the key is at bytes %d to %d, want %d to %d%s", k.Start, k.End, span.Start, span.End, rejected)
	}
	issuer, why := s.Attributor().Attribute(k.Shapes, k.Evidence)
	if r.Issuer != "" && issuer != r.Issuer {
		return fmt.Errorf("the issuer is %s %q, want %s%s", issuer, why, r.Issuer, rejected)
	}
	if got := s.RuleOf(k.RuleID, r.Issuer); r.Issuer != "" && got != r || r.Issuer == "" && k.RuleID != r.ID {
		return fmt.Errorf("the rule is %s%s", k.RuleID, rejected)
	}
	return nil
}

// split returns the keys of text and, for a message, why other candidates were
// rejected.
func (m *Matcher) split(text string) (found []Match, rejected string) {
	var reasons []string
	for _, k := range m.Matches([]byte(text), Span{0, len(text)}) {
		if k.Confidence == finding.Rejected {
			reasons = append(reasons, k.RejectedFor)
		} else {
			found = append(found, k)
		}
	}
	switch {
	case len(reasons) > 0:
		rejected = "; rejected: " + strings.Join(reasons, ", ")
	case len(found) == 0:
		rejected = ": it holds no literal of any rule"
	}
	return found, rejected
}
