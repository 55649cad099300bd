package inline

import (
	"strings"
	"testing"
)

func TestFind(t *testing.T) {
	for _, tt := range []struct{ line, want string }{
		{"k # keysweep:allow a reason", "a reason"},
		{"k // keysweep:allow\ta reason \r\n", "a reason"},
		{"k /* keysweep:allow a reason */ more", "a reason"},
		{"<k><!-- keysweep:allow a reason --></k>", "a reason"},
		{`{"c": "keysweep:allow a reason", "k": 1}`, "a reason"},
		{"-- keysweep:allow it's theirs", "it's theirs"},
		{"keysweep:allow ünïcode 鍵", "ünïcode 鍵"},
		{"k # keysweep:allow", "none"},
		{"k # keysweep:allow   ", "none"},
		{"k /* keysweep:allow */", "none"},
		{"<!--keysweep:allow-->", "none"},
		{"k # keysweep:allow: a reason", "none"},
		{"k # keysweep:allow keysweep:allow", "keysweep:allow"},
		{"/* keysweep:allow */ // keysweep:allow a reason", "a reason"},
		{"k # keysweep:allowed a reason", ""},
		{"k # keysweep:allow_all a reason", ""},
		{"k # xkeysweep:allow a reason", ""},
		{"k # Keysweep:Allow a reason", ""},
		{"k # keysweep: allow a reason", ""},
		{"k # gitleaks:allow a reason", ""},
		{"k # trufflehog:ignore", ""},
		{"k # pragma: allowlist secret", ""},
		{"", ""},
	} {
		reason, found := Find([]byte(tt.line), false)
		got := tt.line[reason.Start:reason.End]
		if found && got == "" {
			got = "none"
		}
		if got != tt.want || !found && got != "" {
			t.Errorf("%q: %q, want %q", tt.line, got, tt.want)
		}
	}
}

func TestFindForeign(t *testing.T) {
	for _, tt := range []struct {
		line, want string
		reason     string // with foreign
	}{
		{"k # gitleaks:allow", "gitleaks:allow", "gitleaks:allow"},
		{"k # gitleaks:allow because", "gitleaks:allow", "gitleaks:allow"},
		{"k # betterleaks:allow", "betterleaks:allow", "betterleaks:allow"},
		{"k // trufflehog:ignore", "trufflehog:ignore", "trufflehog:ignore"},
		{"k #ggignore", "ggignore", "ggignore"},
		{"k # kingfisher:ignore", "kingfisher:ignore", "kingfisher:ignore"},
		{"k  # pragma: allowlist secret", "pragma: allowlist secret", "pragma: allowlist secret"},
		{"k  # pragma:whitelist secret", "pragma:whitelist secret", "pragma:whitelist secret"},
		{"k # trufflehog:ignore gitleaks:allow", "trufflehog:ignore", "trufflehog:ignore"},
		{"k # keysweep:allow why, gitleaks:allow", "gitleaks:allow", "why, gitleaks:allow"},
		{"k # gitleaks:allow keysweep:allow", "gitleaks:allow", "gitleaks:allow"},
		{"k # keysweep:allow", "", ""},
		{"# pragma: allowlist nextline secret", "", ""},
		{"k # xgitleaks:allow, gitleaks:allowed, ggignored, eggignore, gitleaks: allow, Gitleaks:allow", "", ""},
		{"", "", ""},
	} {
		word, found := FindForeign([]byte(tt.line))
		if got := tt.line[word.Start:word.End]; got != tt.want || found != (got != "") {
			t.Errorf("%q: %q, want %q", tt.line, got, tt.want)
		}
		reason, _ := Find([]byte(tt.line), true)
		if got := tt.line[reason.Start:reason.End]; got != tt.reason {
			t.Errorf("%q counts for %q, want %q", tt.line, got, tt.reason)
		}
	}
}

func FuzzFind(f *testing.F) {
	f.Add([]byte("k # keysweep:allow a reason */"))
	f.Add([]byte("keysweep:allow keysweep:allow x"))
	f.Fuzz(func(t *testing.T, line []byte) {
		at, found := Find(line, false)
		if at.Start < 0 || at.End < at.Start || at.End > len(line) || !found && at.Start != at.End {
			t.Errorf("%v, %v", at, found)
		}
		if reason := string(line[at.Start:at.End]); strings.Contains(reason, "*/") || strings.TrimSpace(reason) != reason {
			t.Errorf("%q", reason)
		}
	})
}
