package audit_test

import (
	"bytes"
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"keysweep/audit"
	"keysweep/config"
	"keysweep/finding"
	"keysweep/report"
	"keysweep/scanner"
)

// key is built when the test runs: none is in the tree.
var key = "sk_live_" + func() string {
	sum := sha256.Sum256([]byte("audit"))
	return strings.NewReplacer("-", "x", "_", "y").Replace(base64.RawURLEncoding.EncodeToString(sum[:])[:40])
}()

// folder makes a folder with one key and enters it.
func folder(t *testing.T, files map[string]string) {
	t.Helper()
	t.Chdir(t.TempDir())
	for name, text := range files {
		if err := os.MkdirAll(filepath.Dir(name), 0o777); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(name, []byte(text), 0o666); err != nil {
			t.Fatal(err)
		}
	}
}

// A program of another kind than the command line audits a folder in five calls.
func TestAWholeAudit(t *testing.T) {
	folder(t, map[string]string{
		"pay.env":        "MARTIS_KEY=" + key + "\n",
		".keysweep.toml": "[[allow]]\npath = \"pay.env\"\nreason = \"a fixture\"\nexpires = 2024-05-01\n",
	})
	for _, tt := range []struct {
		now      time.Time
		accepted bool
	}{
		{time.Date(2024, 4, 1, 0, 0, 0, 0, time.UTC), true},
		{time.Date(2031, 1, 1, 0, 0, 0, 0, time.UTC), false},
	} {
		ctx := context.Background()
		a, err := audit.Open(ctx, audit.Options{Scan: scanner.Options{Now: func() time.Time { return tt.now }}})
		if err != nil {
			t.Fatal(err)
		}
		if err := a.Scan(ctx); err != nil {
			t.Fatal(err)
		}
		if _, err := a.Verify(ctx, nil); err != nil {
			t.Fatal(err)
		}
		a.Mark(true)
		if len(a.Result.Findings) != 1 || (a.Result.Findings[0].Suppressed != nil) != tt.accepted {
			t.Errorf("%v: %+v", tt.now, a.Result.Findings)
		}
		var out bytes.Buffer
		if err := report.Write(&out, report.JSON, a.Result, a.ReportOptions(report.Options{})); err != nil || !strings.Contains(out.String(), `"findings"`) || strings.Contains(out.String(), key) {
			t.Errorf("%v\n%s", err, &out)
		}
		if err := a.Close(); err != nil {
			t.Error(err)
		}
	}
}

func TestWhatCannotWorkIsRefusedBeforeAnythingIsScanned(t *testing.T) {
	folder(t, map[string]string{"pay.env": key, "broken.toml": "[[allow]]\n"})
	for _, tt := range []struct {
		opts audit.Options
		want string
	}{
		{audit.Options{Scan: scanner.Options{Paths: []string{"gone"}}}, "gone"},
		{audit.Options{Sources: config.Sources{Config: "broken.toml"}}, "an [[allow]] needs"},
		{audit.Options{Sources: config.Sources{Rules: []string{"gone.toml"}}}, "gone.toml"},
		{audit.Options{Verify: audit.Verification{On: true, EgressLog: "gone/log"}}, "--egress-log"},
	} {
		a, err := audit.Open(context.Background(), tt.opts)
		if err == nil {
			a.Close()
		}
		if err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%v, want %q", err, tt.want)
		}
	}
}

func TestTheEgressLogIsAppendedToNothingElse(t *testing.T) {
	const line = `{"time":"2024-05-01T00:00:00.000Z","event":"request","method":"GET","host":"h","path":"/","key":"0123456789abcdef","attempt":1}`
	for _, c := range []struct{ name, text, want string }{ // want: what it holds afterwards; "": refused
		{"new", "", ""},
		{"an egress log", line + "\n", line + "\n"},
		{"one whose last line is torn", line + "\n" + line[:20], line + "\n" + line[:20] + "\n"},
		{"other lines of JSON", `{"time":"2024-05-01T00:00:00.000Z","event":"login"}` + "\n", ""},
		{"a line with more", line[:len(line)-1] + `,"user":"x"}` + "\n", ""},
		{"a script", "import os\n", ""},
		{"an empty line before a log", "\n" + line + "\n", ""},
		{"no end of the first line", strings.Repeat(" ", 70<<10) + line, ""},
	} {
		path := filepath.Join(t.TempDir(), "log")
		if c.text != "" {
			if err := os.WriteFile(path, []byte(c.text), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		a, err := audit.Open(context.Background(), audit.Options{Verify: audit.Verification{On: true, EgressLog: path}})
		if err == nil {
			a.Close()
		}
		refused := c.want == "" && c.text != ""
		if (err != nil) != refused || refused && !strings.Contains(err.Error(), "is not appended to") {
			t.Errorf("%s: %v", c.name, err)
		}
		if text, err := os.ReadFile(path); err != nil || string(text) != cmp.Or(c.want, c.text) {
			t.Errorf("%s: holds %q, %v", c.name, text, err)
		}
	}
}

func TestAnExplanationSaysWhoAcceptedAKey(t *testing.T) {
	folder(t, map[string]string{
		"pay.env":        "MARTIS_KEY=" + key + "\n",
		".keysweep.toml": "[[allow]]\npath = \"pay.env\"\nreason = \"a fixture\"\nexpires = 2024-05-01\n",
	})
	explain := func(now time.Time) *finding.Suppression {
		e, err := audit.Explain(context.Background(), scanner.ExplainOptions{What: "pay.env:1"}, config.Sources{}, now)
		if err != nil || len(e.Keys) != 1 {
			t.Fatal(e, err)
		}
		return e.Keys[0].Suppressed
	}
	if s := explain(time.Date(2024, 4, 1, 0, 0, 0, 0, time.UTC)); s == nil || s.Reason != "a fixture" {
		t.Errorf("%+v", s)
	}
	if s := explain(time.Date(2031, 1, 1, 0, 0, 0, 0, time.UTC)); s != nil {
		t.Errorf("expired: %+v", s)
	}
}
