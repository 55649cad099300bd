package rules

import (
	"strings"
	"testing"
)

func TestFindComment(t *testing.T) {
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
		reason, found := FindComment([]byte(tt.line))
		got := tt.line[reason.Start:reason.End]
		if found && got == "" {
			got = "none"
		}
		if got != tt.want || !found && got != "" {
			t.Errorf("%q: %q, want %q", tt.line, got, tt.want)
		}
	}
}

func FuzzFindComment(f *testing.F) {
	f.Add([]byte("k # keysweep:allow a reason */"))
	f.Add([]byte("keysweep:allow keysweep:allow x"))
	f.Fuzz(func(t *testing.T, line []byte) {
		at, found := FindComment(line)
		if at.Start < 0 || at.End < at.Start || at.End > len(line) || !found && at.Start != at.End {
			t.Errorf("%v, %v", at, found)
		}
		if reason := string(line[at.Start:at.End]); strings.Contains(reason, "*/") || strings.TrimSpace(reason) != reason {
			t.Errorf("%q", reason)
		}
	})
}
