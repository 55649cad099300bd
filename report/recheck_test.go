package report

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"keysweep/finding"
	"keysweep/rules"
)

// asked returns a key of an earlier report, and what became of it.
func asked(n int, status finding.Status, reason string) Rechecked {
	secret := finding.NewSecret("sk_"+"live_", strings.Repeat("aB3d", 9)+fmt.Sprintf("%04d", n))
	f := finding.Finding{
		Secret: secret, RuleID: "martis-secret-key", Issuer: "martis", IssuerStrength: finding.StrengthHost, Environment: finding.Production,
		Confidence: finding.High, Status: status, StatusReason: reason, CheckedAt: time.Date(2026, 5, 1, 12, 0, 0, 0, time.UTC),
		FirstSeen: finding.Sighting{Commit: strings.Repeat("3f", 20), Date: time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC)}, Exposed: 61 * 24 * time.Hour,
		Listed: []finding.Occurrence{{Target: ".", Source: finding.SourceWorktree, Path: "a.py", Line: 3}},
	}
	k := Rechecked{Earlier: EarlierKey{SHA256: secret.SHA256(), Redacted: f.Redacted(), Finding: f}, Now: &f}
	k.Earlier.Finding.Secret = finding.Secret{}
	return k
}

// nowhere is a key that was not found again.
func nowhere(n int) Rechecked {
	k := asked(n, finding.Unchecked, "")
	k.Now = nil
	return k
}

func TestVerdictsOfRecheck(t *testing.T) {
	works, restricted := asked(1, finding.Active, "accepted: HTTP 200"), asked(2, finding.Restricted, "ip_not_allowed: no")
	dead, dead2, dead3 := asked(3, finding.Inactive, "expired"), asked(4, finding.Inactive, "expired"), asked(5, finding.Inactive, "expired")
	unclear, gone := asked(6, finding.Unknown, "timeout"), nowhere(7)
	for _, tt := range []struct {
		keys []Rechecked
		want string
	}{
		{nil, "The report names no keys."},
		{[]Rechecked{dead}, "The rotation worked: the key is refused."},
		{[]Rechecked{dead, dead2}, "The rotation worked: both keys are refused."},
		{[]Rechecked{dead, dead2, dead3}, "The rotation worked: all 3 keys are refused."},
		{[]Rechecked{works}, "The rotation is not done: 1 key still works."},
		{[]Rechecked{dead, restricted, works}, "The rotation is not done: 2 keys still work, 1 is refused."},
		{[]Rechecked{dead, dead2, gone, works}, "The rotation is not done: 1 key still works, 1 had no clear answer, 2 are refused."},
		{[]Rechecked{gone}, "Could not tell whether the key still works."},
		{[]Rechecked{gone, unclear}, "Could not tell whether any of the 2 keys still works."},
		{[]Rechecked{gone, dead}, "The rotation may not be done: 1 had no clear answer, 1 is refused."},
		{[]Rechecked{asked(1, finding.Unchecked, "issuer_unknown")}, "Could not tell whether the key still works."},
		{[]Rechecked{asked(1, finding.Unsupported, "no_probe")}, "Could not tell whether the key still works."},
	} {
		r := &Recheck{Report: "r.json", Keys: tt.keys}
		var text, doc bytes.Buffer
		if err := WriteRecheck(&text, Text, r, Options{Width: 200}); err != nil {
			t.Fatal(err)
		}
		if first, _, _ := strings.Cut(text.String(), "\n"); first != tt.want {
			t.Errorf("%q, want %q", first, tt.want)
		}
		if err := WriteRecheck(&doc, JSON, r, Options{}); err != nil {
			t.Fatal(err)
		}
		validate(t, published(t, "recheck-1.schema.json"), doc.Bytes())
	}
	if err := WriteRecheck(new(bytes.Buffer), SARIF, &Recheck{}, Options{}); err == nil {
		t.Error("SARIF was written")
	}
}

func TestRecheckSaysWhatRemainsToBeDone(t *testing.T) {
	stripe := asked(1, finding.Unchecked, "not_asked: verification of stripe keys is off")
	stripe.Now.Issuer, stripe.Now.RuleID = "stripe", "stripe-secret-key"
	said := asked(1, finding.Unknown, "not_recognised: no")
	said.Now.IssuerStrength = finding.StrengthUser
	pasted := asked(1, finding.Inactive, "expired")
	pasted.Pasted = true
	history := asked(1, finding.Inactive, "expired")
	history.Now.Listed = []finding.Occurrence{{Source: finding.SourceBlob, Path: "a.py", Line: 1, Object: "3f"}}
	unread := nowhere(1)
	unread.Unread = true
	notPasted := nowhere(1)
	notPasted.Pasted = true
	set, err := rules.Load(nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		name string
		key  Rechecked
		want []string
	}{
		{"works", asked(1, finding.Active, "accepted"), []string{"STILL WORKS", "Make sure that nothing uses it any more, then revoke it at Martis.", "61 days, first committed 2026-03-01, not in HEAD", "a.py:3"}},
		{"restricted", asked(1, finding.Restricted, "insufficient_permissions"), []string{"STILL WORKS", "then revoke it at Martis."}},
		{"refused, and in a file", asked(1, finding.Inactive, "expired"), []string{"refused", "Nothing to revoke. Remove it from the working tree, which still holds it."}},
		{"refused, and in the history", history, []string{"Nothing: it is refused, and only the history holds it."}},
		{"refused, pasted", pasted, []string{"Nothing to revoke. Remove it wherever it remains.", "(according to the report)"}},
		{"nowhere", nowhere(1), []string{"could not tell", "not_found: the key is no longer where the report found it", "Paste it (keysweep recheck --paste), or look it up at Martis.", "(according to the report)"}},
		{"where nothing was read again", unread, []string{"not_found: not all that the report is about was read again"}},
		{"not pasted", notPasted, []string{"not_found: it was not pasted"}},
		{"another issuer's", stripe, []string{"Ask Stripe too (--verify-issuer stripe), or look it up there."}},
		{"nobody's", asked(1, finding.Unchecked, "issuer_unknown: nothing"), []string{"Name its issuer (--issuer NAME), or look it up there."}},
		{"only named", asked(1, finding.Unknown, "not_recognised: no"), []string{"If it is Martis's for certain, pass --issuer martis: it then counts as refused."}},
		{"named and said", said, []string{"Look it up at the issuer that is named around it."}},
		{"over the limit", asked(1, finding.Unknown, "budget: more"), []string{"Ask about more keys (--verify-limit N)."}},
		{"down", asked(1, finding.Unknown, "dns: no"), []string{"Ask again later, or look it up at Martis."}},
		{"no probe", asked(1, finding.Unsupported, "no_probe: no"), []string{"Look it up at Martis, and revoke it there."}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var text, doc bytes.Buffer
			r := &Recheck{Report: "r.json", Keys: []Rechecked{tt.key}}
			opts := Options{Width: 500, Rules: set.Rules()}
			if err := WriteRecheck(&text, Text, r, opts); err != nil {
				t.Fatal(err)
			}
			for _, want := range tt.want {
				if !strings.Contains(text.String(), want) {
					t.Errorf("%q is missing:\n%s", want, &text)
				}
			}
			if err := WriteRecheck(&doc, JSON, r, opts); err != nil {
				t.Fatal(err)
			}
			validate(t, published(t, "recheck-1.schema.json"), doc.Bytes())
		})
	}
}

func TestRecheckTellsWhatNeedsWorkFirst(t *testing.T) {
	r := &Recheck{Keys: []Rechecked{asked(1, finding.Inactive, ""), nowhere(2), asked(3, finding.Active, ""), asked(4, finding.Inactive, ""), asked(5, finding.Restricted, "")}}
	var doc bytes.Buffer
	if err := WriteRecheck(&doc, JSON, r, Options{}); err != nil {
		t.Fatal(err)
	}
	var out struct {
		Keys []struct {
			SHA    string `json:"secret_sha256"`
			Answer Answer
		}
		Summary map[string]int
	}
	if err := json.Unmarshal(doc.Bytes(), &out); err != nil {
		t.Fatal(err)
	}
	for i, n := range []int{2, 4, 1, 0, 3} {
		if out.Keys[i].SHA != r.Keys[n].Earlier.SHA256 {
			t.Errorf("place %d: %+v", i, out.Keys[i])
		}
	}
	if s := out.Summary; s["still_works"] != 2 || s["could_not_tell"] != 1 || s["refused"] != 2 {
		t.Errorf("got %v", s)
	}
}

// A report may come from anywhere, and what it says is printed.
func TestAHostileEarlierReportIsHarmless(t *testing.T) {
	key := "sk_" + "live_" + strings.Repeat("aB3d", 10)
	bad := "\x1b[31m\u202e\n::error ##[error]" + key
	finding1 := map[string]any{
		"secret": key, "secret_sha256": strings.Repeat("0a", 32), "issuer": bad, "rule_id": bad, "environment": bad, "confidence": bad, "status": bad,
		"status_reason": bad, "issuer_evidence": []string{bad}, "exposed_days": -5, "first_seen": map[string]any{"commit": bad, "date": bad},
	}
	finding2 := map[string]any{"secret": "sk_live_…" + key, "secret_sha256": strings.Repeat("0b", 32), "exposed_days": int64(1) << 60,
		"first_seen": map[string]any{"commit": strings.Repeat("0a", 20), "date": "2026-01-01T00:00:00Z"}}
	// Whole keys, as --show-secrets prints them: no list of prefixes helps here.
	whole, tail := "acme_pat_"+strings.Repeat("xY7q", 10), "acme_pat_…"+strings.Repeat("xY7q", 10)
	finding3 := map[string]any{"secret": whole, "secret_sha256": strings.Repeat("0c", 32)}
	finding4 := map[string]any{"secret": tail, "secret_sha256": strings.Repeat("0d", 32)}
	finding5 := map[string]any{"secret": "nounderscore" + whole, "secret_sha256": strings.Repeat("0e", 32)}
	text, err := json.Marshal(map[string]any{"schema_version": 1, "tool": map[string]any{"name": "keysweep"},
		"scan": map[string]any{"targets": []any{map[string]any{"name": bad, "kind": bad}}}, "findings": []any{finding1, finding2, finding3, finding4, finding5}})
	if err != nil {
		t.Fatal(err)
	}
	e, err := ReadEarlier(bytes.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	r := &Recheck{Report: bad, Targets: e.Targets}
	for _, k := range e.Keys {
		r.Keys = append(r.Keys, Rechecked{Earlier: k})
	}
	for _, f := range []Format{Text, JSON} {
		var out bytes.Buffer
		if err := WriteRecheck(&out, f, r, Options{}); err != nil {
			t.Fatal(err)
		}
		for _, bad := range []string{"\x1b", "\u202e", key, key[8:], "xY7q", "\n::error", "##[error"} {
			if strings.Contains(out.String(), bad) {
				t.Errorf("%v holds %q:\n%s", f, bad, &out)
			}
		}
		if f == JSON {
			validate(t, published(t, "recheck-1.schema.json"), out.Bytes())
		}
	}
}

func TestAReportIsReadAgain(t *testing.T) {
	for _, c := range reports {
		t.Run(c.name, func(t *testing.T) {
			res := c.res()
			var doc bytes.Buffer
			if err := Write(&doc, JSON, res, c.opts); err != nil {
				t.Fatal(err)
			}
			e, err := ReadEarlier(&doc)
			if err != nil {
				t.Fatal(err)
			}
			if len(e.Keys) != len(res.Findings) || len(e.Targets) != len(res.Targets) {
				t.Fatalf("%d keys of %d, %d targets of %d", len(e.Keys), len(res.Findings), len(e.Targets), len(res.Targets))
			}
			for i, f := range res.Findings {
				k := e.Keys[i]
				if k.SHA256 != f.Secret.SHA256() || k.Finding.Status != f.Status || k.Finding.Issuer != f.Issuer && f.Issuer != "" ||
					k.Finding.Environment != f.Environment || k.Finding.IssuerStrength != f.IssuerStrength || k.Finding.StatusReason != f.StatusReason ||
					days(k.Finding.Exposed) != days(f.Exposed) || k.Finding.InHead != f.InHead || k.Finding.RuleID != f.RuleID {
					t.Errorf("%+v\nwas read as\n%+v", f, k)
				}
			}
		})
	}
}

func TestWhatIsNoReportIsRefused(t *testing.T) {
	good := `{"schema_version":1,"tool":{"name":"keysweep"},"scan":{"targets":[]},"findings":[]}`
	wide := []byte("\xff\xfe") // as PowerShell 5 writes with >
	for _, c := range good {
		wide = append(wide, byte(c), byte(c>>8))
	}
	for _, text := range []string{"\ufeff" + good, string(wide)} {
		if _, err := ReadEarlier(strings.NewReader(text)); err != nil {
			t.Errorf("%.20q: %v", text, err)
		}
	}
	if _, err := ReadEarlier(strings.NewReader(good + "\n")); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct{ name, text, want string }{
		{"nothing", "", "it is empty"},
		{"spaces", " \n", "it is empty"},
		{"text", "no keys found", "it is not JSON"},
		{"half", good[:40], "it ends in the middle"},
		{"an array", "[]", "not a JSON report of keysweep scan"},
		{"a string", `"x"`, "not a JSON report of keysweep scan"},
		{"another program's", strings.Replace(good, "keysweep", "sweeper", 1), "not a JSON report of keysweep scan"},
		{"without findings", strings.Replace(good, "findings", "results", 1), "not a JSON report of keysweep scan"},
		{"without a version", strings.Replace(good, "schema_version", "version", 1), "not a JSON report of keysweep scan"},
		{"of another version", strings.Replace(good, `:1,`, `:3,`, 1), "it has schema version 3; this keysweep reads versions 1 to 2"},
		{"of another version and shape", `{"schema_version":3,"tool":{"name":"keysweep"},"scan":7,"findings":{}}`, "it has schema version 3"},
		{"two", good + good, "something follows its end"},
		{"a finding without a hash", strings.Replace(good, `"findings":[`, `"findings":[{"secret":"x"}`, 1), "a finding in it has no secret_sha256"},
	} {
		_, err := ReadEarlier(strings.NewReader(tt.text))
		if err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: %v, want %q", tt.name, err, tt.want)
		}
	}
}

func FuzzReadEarlier(f *testing.F) {
	f.Add([]byte(`{"schema_version":1,"tool":{"name":"keysweep"},"scan":{"targets":[]},"findings":[{"secret":"sk_live_…","secret_sha256":"` + strings.Repeat("0a", 32) + `"}]}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		e, err := ReadEarlier(bytes.NewReader(b))
		if err != nil {
			return
		}
		r := &Recheck{Targets: e.Targets}
		for _, k := range e.Keys {
			r.Keys = append(r.Keys, Rechecked{Earlier: k})
		}
		for _, format := range []Format{Text, JSON} {
			if err := WriteRecheck(new(bytes.Buffer), format, r, Options{}); err != nil {
				t.Fatal(err)
			}
		}
	})
}
