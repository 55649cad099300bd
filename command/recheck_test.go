package command

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"testing"

	"keysweep/finding"
	"keysweep/report"
	"keysweep/rules"
)

// A report may be forged, and a key must not go to the host of the other
// environment because of what a report says.
func TestAPastedKeyHasTheEnvironmentOfItsPrefix(t *testing.T) {
	set, err := rules.Load(nil)
	if err != nil {
		t.Fatal(err)
	}
	earlier := func(key, rule, issuer, redacted string, env finding.Environment) report.EarlierKey {
		sum := sha256.Sum256([]byte(key))
		return report.EarlierKey{SHA256: hex.EncodeToString(sum[:]), Redacted: redacted,
			Finding: finding.Finding{RuleID: rule, Issuer: issuer, Environment: env, Status: finding.Active, StatusReason: "accepted"}}
	}
	live, test := testKey("sk_live_", "pasted", 40), testKey("sk_test_", "pasted", 40)
	for _, tt := range []struct {
		name, key string
		k         report.EarlierKey
		prefix    string
		env       finding.Environment
	}{
		{"as it is", live, earlier(live, "martis-secret-key", "martis", "sk_live_…", finding.Production), "sk_live_", finding.Production},
		{"said to be of the sandbox", live, earlier(live, "martis-secret-key", "martis", "sk_test_…", finding.Sandbox), "sk_live_", finding.Production},
		{"said to be of production", test, earlier(test, "martis-secret-key", "martis", "sk_live_…", finding.Production), "sk_test_", finding.Sandbox},
		{"of an unknown rule", live, earlier(live, "acme", "martis", "sk_live_…", finding.Production), "", finding.EnvironmentUnknown},
	} {
		f := pasted(tt.key, tt.k, set)
		if f == nil || f.Secret.Prefix() != tt.prefix || f.Secret.Reveal() != tt.key || f.Environment != tt.env || f.Status != finding.Unchecked || f.StatusReason != "" {
			t.Errorf("%s: got %+v", tt.name, f)
		}
	}
	stripe := "sk_" + "live_51" + testKey("", "account", 87) + "00" + testKey("", "tail", 8)
	if f := pasted(stripe, earlier(stripe, "martis-secret-key", "martis", "sk_live_…", finding.Production), set); f == nil || f.Issuer != "stripe" {
		t.Errorf("a key of Stripe's own shape, said to be of Martis: got %+v", f)
	}
	if f := pasted(test, earlier(live, "martis-secret-key", "martis", "sk_live_…", finding.Production), set); f != nil {
		t.Errorf("another key is taken for it: %+v", f)
	}
}

func TestStatusesOfRecheck(t *testing.T) {
	key := func(s finding.Status) report.Rechecked { return report.Rechecked{Now: &finding.Finding{Status: s}} }
	interrupted, cancel := context.WithCancelCause(t.Context())
	cancel(interruption{2})
	for _, tt := range []struct {
		name string
		ctx  context.Context
		keys []report.Rechecked
		want int
	}{
		{"no keys", t.Context(), nil, 0},
		{"refused", t.Context(), []report.Rechecked{key(finding.Inactive)}, 0},
		{"active", t.Context(), []report.Rechecked{key(finding.Inactive), key(finding.Active)}, 1},
		{"restricted", t.Context(), []report.Rechecked{key(finding.Restricted), key(finding.Unknown)}, 1},
		{"unknown", t.Context(), []report.Rechecked{key(finding.Inactive), key(finding.Unknown)}, 3},
		{"unchecked", t.Context(), []report.Rechecked{key(finding.Unchecked)}, 3},
		{"unsupported", t.Context(), []report.Rechecked{key(finding.Unsupported)}, 3},
		{"not found", t.Context(), []report.Rechecked{key(finding.Inactive), {}}, 3},
		{"interrupted", interrupted, []report.Rechecked{key(finding.Active)}, 130},
	} {
		if got := recheckReason(tt.ctx, &report.Recheck{Keys: tt.keys, Incomplete: true}); got.Status != max(tt.want, 3) && tt.want != 1 {
			t.Errorf("%s, of an incomplete scan: %+v", tt.name, got)
		}
		if got := recheckReason(tt.ctx, &report.Recheck{Keys: tt.keys}); got.Status != tt.want || got.Words == "" {
			t.Errorf("%s: %+v, want %d", tt.name, got, tt.want)
		}
	}
}

func TestStatusesOfFailOnActive(t *testing.T) {
	all := map[string]finding.Status{"active": finding.Active, "restricted": finding.Restricted, "unknown": finding.Unknown, "inactive": finding.Inactive, "unchecked": finding.Unchecked}
	for _, tt := range []struct {
		name       string
		statuses   []string
		exitCode   int
		incomplete bool
		want       int
		words      string
	}{
		{"nothing", nil, 1, false, 0, "no key is known to work"},
		{"refused", []string{"inactive"}, 1, false, 0, "no key is known to work"},
		{"works", []string{"active", "inactive"}, 1, false, 1, "1 key is known to work"},
		{"one works", []string{"active", "restricted"}, 1, false, 1, "2 keys are known to work"},
		{"works, replaced", []string{"active"}, 7, false, 7, "1 key is known to work"},
		{"works and unknown", []string{"active", "unknown"}, 1, false, 1, "1 key is known to work, and 1 key had no clear answer"},
		{"works and unknown, replaced", []string{"active", "unknown"}, 7, false, 3, "1 key is known to work, and 1 key had no clear answer"},
		{"works and unknown, replaced by 0", []string{"active", "unknown"}, 0, false, 3, "1 key is known to work, and 1 key had no clear answer"},
		{"unknown", []string{"unknown", "inactive", "unknown"}, 1, false, 3, "no key is known to work, and 2 keys had no clear answer"},
		{"not asked about", []string{"unchecked"}, 1, false, 0, "no key is known to work; 1 key was not asked about"},
		{"two not asked about", []string{"unchecked", "unchecked", "inactive"}, 1, false, 0, "no key is known to work; 2 keys were not asked about"},
		{"incomplete", []string{"inactive"}, 1, true, 3, "no key is known to work, and the scan is incomplete"},
		{"incomplete, and works", []string{"active"}, 1, true, 1, "1 key is known to work"},
		{"incomplete, and works, replaced", []string{"active"}, 7, true, 3, "1 key is known to work, and the scan is incomplete"},
	} {
		res := &finding.Result{Read: finding.Counts{Bytes: 1}}
		for _, s := range tt.statuses {
			res.Findings = append(res.Findings, &finding.Finding{Status: all[s]})
		}
		if tt.incomplete {
			res.Skipped = []finding.Skipped{{Reason: finding.ReasonMissing, Count: 1}}
		}
		opts := &scanOptions{failOn: failOnActive, exitCode: tt.exitCode}
		got := opts.exitReason(t.Context(), res, nil)
		if got.Status != tt.want || got.Words != tt.words {
			t.Errorf("%s: %d, %q, want %d, %q", tt.name, got.Status, got.Words, tt.want, tt.words)
		}
	}
}
