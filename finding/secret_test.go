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
