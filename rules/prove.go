package rules

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"regexp"
	"strconv"
	"strings"
	"sync"

	"keysweep/finding"
)

// The marks around the key in an example.
const keyOpen, keyClose = "«", "»"

// placeholder is {{kind:length:seed}} in an example.
var placeholder = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`\{\{(\w+)(?::(\w*):([\w-]*))?\}\}`) })

// fillers are the alphabets of placeholders.
var fillers = map[string]string{
	"digits":    "0123456789",
	"hex":       "0123456789abcdef",
	"HEX":       "0123456789ABCDEF",
	"base36":    "0123456789abcdefghijklmnopqrstuvwxyz",
	"base62":    "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ",
	"base64url": "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ-_",
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
			h := fill(fillers["hex"], 32, seed)
			return h[:8] + "-" + h[8:12] + "-4" + h[13:16] + "-a" + h[17:20] + "-" + h[20:]
		case n < 1 || n > 2*maxBody:
			bad = fmt.Errorf("%s: a length is 1 to %d", p, 2*maxBody)
		case kind == "repeat":
			return strings.Repeat(seed, n)
		case fillers[kind] != "":
			return fill(fillers[kind], n, seed)
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
	return strings.TrimRight(b.String(), "-_") + strings.Repeat("a", n-len(strings.TrimRight(b.String(), "-_")))
}

// Prove runs every example and counter-example of every rule: an example must
// give one key and, if the rule names an issuer, that issuer; the key must
// stand where « and » are, if the example has them. A counter-example must
// give none. It returns everything that fails. Errors hold no key.
func (s *Set) Prove() error {
	var failed []error
	m := s.NewMatcher()
	for _, r := range s.Rules() {
		for i, text := range r.Examples {
			if err := s.proveExample(m, r, text); err != nil {
				failed = append(failed, fmt.Errorf("rule %s: example %d: %w", r.ID, i+1, err))
			}
		}
		for i, text := range r.CounterExamples {
			text, err := Expand(text)
			if err == nil && len(accepted(m.Matches([]byte(text), Span{0, len(text)}))) > 0 {
				err = errors.New("there is a key")
			}
			if err != nil {
				failed = append(failed, fmt.Errorf("rule %s: counter-example %d: %w", r.ID, i+1, err))
			}
		}
	}
	return errors.Join(failed...)
}

func (s *Set) proveExample(m *Matcher, r *Rule, text string) error {
	text, err := Expand(text)
	if err != nil {
		return err
	}
	text, span, marked := unmark(text)
	found := accepted(m.Matches([]byte(text), Span{0, len(text)}))
	if len(found) != 1 {
		return fmt.Errorf("%d keys, want 1", len(found))
	}
	k := found[0]
	if marked && (k.Start != span.Start || k.End != span.End) {
		return fmt.Errorf("the key is at bytes %d to %d, want %d to %d", k.Start, k.End, span.Start, span.End)
	}
	issuer, why := s.Attribute(k.Shapes, k.Evidence)
	if r.Issuer != "" && issuer != r.Issuer {
		return fmt.Errorf("the issuer is %s %q, want %s", issuer, why, r.Issuer)
	}
	if got := s.RuleOf(k.RuleID, r.Issuer); r.Issuer != "" && got != r || r.Issuer == "" && k.RuleID != r.ID {
		return fmt.Errorf("the rule is %s", k.RuleID)
	}
	return nil
}

// unmark removes the marks around the key and says where they were.
func unmark(text string) (string, Span, bool) {
	before, rest, ok1 := strings.Cut(text, keyOpen)
	key, after, ok2 := strings.Cut(rest, keyClose)
	if !ok1 || !ok2 {
		return text, Span{}, false
	}
	return before + key + after, Span{len(before), len(before) + len(key)}, true
}

func accepted(list []Match) []Match {
	var keep []Match
	for _, m := range list {
		if m.Confidence != finding.Rejected {
			keep = append(keep, m)
		}
	}
	return keep
}
