package finding

import (
	"bytes"
	"encoding/json"
	"fmt"
	"log/slog"
	"strings"
	"testing"
)

// body returns n characters that look random.
func body(n int) string {
	const alphabet = "q7Zm2XvK9pLr4TnB8sWd"
	return strings.Repeat(alphabet, n/len(alphabet)+1)[:n]
}

func TestSecretIsNeverPrintedByAccident(t *testing.T) {
	s := NewSecret("sk_"+"live_", body(32))
	f := &Finding{Secret: s}
	var out bytes.Buffer
	for _, v := range []any{s, &s, f, *f, []Secret{s}, map[Secret]Secret{s: s}} {
		for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%X", "%d"} {
			fmt.Fprintf(&out, verb+"\n", v)
		}
		if _, ok := v.(map[Secret]Secret); ok {
			continue
		}
		if err := json.NewEncoder(&out).Encode(v); err != nil {
			t.Fatal(err)
		}
	}
	slog.New(slog.NewTextHandler(&out, nil)).Info("x", "secret", s, "finding", f)
	slog.New(slog.NewJSONHandler(&out, nil)).Info("x", "secret", s, "finding", f)
	for _, form := range []string{body(8), fmt.Sprintf("%x", body(8)), fmt.Sprintf("%X", body(8))} {
		if strings.Contains(out.String(), form) {
			t.Errorf("the secret is printed as %s", form)
		}
	}
}

func TestTailIsShownOnlyIfEnoughStaysHidden(t *testing.T) {
	for _, c := range []struct {
		name, body string
		tail       bool
	}{
		{"base62 of 24", body(24), true},
		{"base62 of 16", body(16), false},
		{"lower hex of 28", strings.Repeat("0a1b2c3", 4), true},
		{"lower hex of 27", strings.Repeat("0a1b2c3", 4)[:27], false},
		{"digits of 32", strings.Repeat("12345678", 4), false},
		{"digits of 33", strings.Repeat("12345678", 4) + "9", true},
		{"dashes carry nothing", strings.Repeat("-", 5) + strings.Repeat("7", 4), false},
		{"four characters", "abcd", false},
		{"nothing", "", false},
	} {
		got := NewSecret("sk_"+"test_", c.body).RedactedWithTail()
		want := "sk_test_…"
		if c.tail {
			want += c.body[len(c.body)-4:]
		}
		if got != want {
			t.Errorf("%s: %s, want %s", c.name, got, want)
		}
	}
}

func TestTypedAndLowFindingsShowNoTail(t *testing.T) {
	for _, f := range []Finding{
		{Confidence: Low}, {Confidence: Rejected}, {Confidence: High, Typed: true},
	} {
		f.Secret = NewSecret("sk_"+"live_", body(32))
		if got := f.Redacted(); got != "sk_live_…" {
			t.Errorf("%v, typed %v: %s", f.Confidence, f.Typed, got)
		}
	}
}

func TestIdentityIsOverTheWholeKey(t *testing.T) {
	a, b := NewSecret("sk_live_", "x"), NewSecret("sk_", "live_x")
	if a.SHA256() != b.SHA256() || a.ID() != a.SHA256()[:16] || a.Len() != len("sk_live_x") {
		t.Errorf("%s and %s, id %s, length %d", a.SHA256(), b.SHA256(), a.ID(), a.Len())
	}
}

func TestASealedSecretHasAllButItsBody(t *testing.T) {
	for _, n := range []int{1, 16, 24, 32, 200} {
		s := NewSecret("sk_"+"live_", body(n))
		text, err := s.MarshalBinary()
		if err != nil || bytes.Contains(text, []byte(body(n))) && n > 4 {
			t.Fatalf("%d: %q, %v", n, text, err)
		}
		var sealed Secret
		if err := sealed.UnmarshalBinary(text); err != nil {
			t.Fatal(err)
		}
		if sealed != s.Sealed() || sealed != sealed.Sealed() || !sealed.IsSealed() || s.IsSealed() {
			t.Errorf("%d: sealed twice it is another", n)
		}
		if sealed.SHA256() != s.SHA256() || sealed.ID() != s.ID() || sealed.Len() != s.Len() || sealed.Prefix() != s.Prefix() ||
			sealed.Redacted() != s.Redacted() || sealed.RedactedWithTail() != s.RedactedWithTail() {
			t.Errorf("%d: %s %d %s", n, sealed.SHA256(), sealed.Len(), sealed.RedactedWithTail())
		}
		if n > 4 && strings.Contains(sealed.Reveal(), body(n)) {
			t.Errorf("%d: it reveals the secret", n)
		}
	}
	var none Secret
	if text, err := none.MarshalBinary(); err != nil || none.UnmarshalBinary(text) != nil || none != (Secret{}) {
		t.Errorf("no secret: %q, %v", text, err)
	}
}

func FuzzSealedSecret(f *testing.F) {
	text, _ := NewSecret("sk_"+"live_", body(32)).MarshalBinary()
	for _, seed := range []string{"", "\n", "a\n", string(text), string(text[:80]), "p\n" + strings.Repeat("0", 64) + "99999999999999999999:"} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		var s Secret
		if s.UnmarshalBinary(b) != nil {
			return
		}
		if again, err := s.MarshalBinary(); err != nil || !bytes.Equal(again, b) || len(s.ID()) != 16 || s.Len() < 0 {
			t.Errorf("%q became %q, %v", b, again, err)
		}
		_ = s.RedactedWithTail()
	})
}
