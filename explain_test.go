package main

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"keysweep/command"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
	"unicode/utf16"
)

// inUTF16 returns s as little-endian UTF-16.
func inUTF16(s string) string {
	var b []byte
	for _, u := range utf16.Encode([]rune(s)) {
		b = append(b, byte(u), byte(u>>8))
	}
	return string(b)
}

// explainedLines are lines of every kind of verdict. Each is a file of its own.
func explainedLines() map[string]string {
	live, test := testKey("sk_live_", "explain", 40), testKey("sk_test_", "explained", 24)
	long := strings.Repeat("filler text that names no issuer\n", 700)
	return map[string]string{
		"assigned":            "API_KEY=" + live,
		"of Martis by host":   "curl https://api.martis.id/api/v1/payments/charges -H 'Authorization: Bearer " + live + "'",
		"of Martis by name":   "MARTIS_SECRET=" + test,
		"two issuers":         "MARTIS_KEY=" + live + " STRIPE_KEY=" + testKey("sk_live_", "other", 40),
		"placeholder":         "key = sk_live_your_secret_key_goes_here",
		"too short":           "key = sk_live_abc123",
		"identifier":          "ta" + live,
		"masked":              "key = sk_live_7Lp2•••••9nWr and sk_live_49G***************",
		"shortened":           "key = " + live[:30] + "...",
		"template":            "key = `sk_live_${nanoid(80)}`",
		"pattern":             "/sk_live_[0-9a-zA-Z]{24}/g",
		"in an escape":        `{"a": "x\n` + live + `\n"}`,
		"doubtful escape":     `eval("k = \\n` + live + `")`,
		"base64":              "Basic " + base64.StdEncoding.EncodeToString([]byte("user:"+live)),
		"UTF-16":              inUTF16("API_KEY=" + live + "\r\n"),
		"typed":               "key = sk_live_" + "4hT9wQ2mV7xL1pR8zK3nB6cY",
		"defused":             "key = sk_test_@" + testKey("", "defused", 40),
		"two in a row":        test + testKey("sk_live_", "behind", 32),
		"split":               `k = "` + live[:30] + `" + "` + live[30:] + `"`,
		"evidence too far":    "api.martis.id\n" + long + "API_KEY=" + live,
		"evidence in reach":   "api.martis.id\n" + long[:9000] + "API_KEY=" + live,
		"behind a megabyte":   strings.Repeat("x", 1<<20+20_000) + "\nAPI_KEY=" + live,
		"across a window":     strings.Repeat("x", 1<<20+32<<10-20) + "=" + live,
		"named by its path":   "API_KEY=" + live,
		"nothing":             "nothing here",
		"only a prefix":       "startsWith('sk_live_')",
		"many on a line":      strings.Repeat("k="+test+" ", 5),
		"no end of the line":  live,
		"upper-case constant": "STRIPE_SK_TEST_KEY",
	}
}

// explain must never say anything else than scan.
func TestExplainAgreesWithScan(t *testing.T) {
	if testing.Short() {
		return // explain has one goroutine
	}
	plain(t)
	for name, text := range explainedLines() {
		t.Run(name, func(t *testing.T) {
			t.Chdir(t.TempDir())
			file := "file.txt"
			if name == "named by its path" {
				file = "martis/file.txt"
				if err := os.Mkdir("martis", 0o700); err != nil {
					t.Fatal(err)
				}
			}
			if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
			type verdict struct{ Confidence, RejectedFor, Issuer, Rule, Environment, Secret string }
			scanned, explained := map[string]verdict{}, map[string]verdict{}
			type scannedKey struct {
				Confidence, Issuer, Environment, Secret string
				RejectedFor                             string `json:"rejected_for"`
				Rule                                    string `json:"rule_id"`
				SHA                                     string `json:"secret_sha256"`
				Occurrences                             []struct{ Line, Column int }
			}
			var report struct{ Findings, Rejected []scannedKey }
			decode(t, &report, "scan", ".", "-f", "json", "--min-confidence", "low", "--show-rejected")
			places := map[string]bool{}
			for _, f := range append(report.Findings, report.Rejected...) {
				v := verdict{f.Confidence, f.RejectedFor, f.Issuer, f.Rule, f.Environment, f.Secret}
				if f.Confidence == "rejected" {
					v.Issuer = "" // a rejected candidate has none
				}
				scanned[f.SHA] = v
				for _, o := range f.Occurrences {
					places[fmt.Sprint(f.SHA, " ", o.Line, ":", o.Column)] = true
				}
			}
			var all explanationJSON
			decode(t, &all, "explain", file, "-f", "json")
			seen := map[string]bool{}
			for _, k := range all.Candidates {
				explained[k.SHA] = verdict{k.Confidence, k.RejectedFor, k.Issuer, k.Rule, k.Environment, k.Secret}
				seen[fmt.Sprint(k.SHA, " ", k.Line, ":", k.Column)] = true
				before := text[:k.Offset]
				if strings.Count(before, "\n")+1 != k.Line || len(before)-strings.LastIndex(before, "\n") != k.Column {
					t.Errorf("offset %d is not at %d:%d", k.Offset, k.Line, k.Column)
				}
				var line explanationJSON
				decode(t, &line, "explain", fmt.Sprintf("%s:%d", file, k.Line), "-f", "json")
				if len(line.Candidates) == 0 {
					t.Errorf("line %d alone has no candidate", k.Line)
				}
			}
			for sha, v := range scanned {
				if explained[sha] != v {
					t.Errorf("scan says %+v, explain %+v", v, explained[sha])
				}
			}
			if len(scanned) != len(explained) {
				t.Errorf("scan has %d, explain %d candidates", len(scanned), len(explained))
			}
			for p := range places {
				if !seen[p] {
					t.Errorf("scan found an occurrence that explain lacks: %s of %v", p, seen)
				}
			}
		})
	}
}

type explanationJSON struct {
	Line       int
	Object     string
	Path       string
	Candidates []struct {
		Confidence, Issuer, Environment, Secret, Verdict string
		RejectedFor                                      string `json:"rejected_for"`
		Rule                                             string `json:"rule_id"`
		SHA                                              string `json:"secret_sha256"`
		Line, Column, Offset                             int
		Finding, Listed                                  bool
	}
}

// decode runs us and reads the JSON that we print.
func decode(t *testing.T, dst any, args ...string) {
	t.Helper()
	var stdout, stderr bytes.Buffer
	if status := command.Run(context.Background(), args, command.Process{Stdout: &stdout, Stderr: &stderr, Now: time.Now}); status > 1 {
		t.Fatalf("%q: status %d\n%s", args, status, &stderr)
	}
	for _, key := range []string{testKey("sk_live_", "explain", 40), testKey("sk_test_", "explained", 24)} {
		if bytes.Contains(stdout.Bytes(), []byte(key)) {
			t.Errorf("%q prints a key", args)
		}
	}
	if err := json.Unmarshal(stdout.Bytes(), dst); err != nil {
		t.Fatalf("%q: %v", args, err)
	}
}

// What a version in history is explained as is what the scan of the history
// says.
func TestExplainOfAVersionAgreesWithTheScanOfTheHistory(t *testing.T) {
	plain(t)
	t.Chdir(t.TempDir())
	for name, value := range gitEnvironment(t.TempDir()) {
		t.Setenv(name, value)
	}
	git := func(args ...string) {
		t.Helper()
		if out, err := exec.Command("git", args...).CombinedOutput(); err != nil {
			t.Fatalf("git %q: %v\n%s", args, err, out)
		}
	}
	git("init", "-q")
	for name, text := range explainedLines() {
		if err := os.WriteFile(strings.ReplaceAll(name, " ", "-")+".txt", []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	git("add", ".")
	git("commit", "-q", "-m", "one")
	git("gc", "-q")
	git("rm", "-q", "-r", ".")
	git("commit", "-q", "-m", "two")
	var report struct {
		Findings []struct {
			Confidence  string
			SHA         string `json:"secret_sha256"`
			Occurrences []struct {
				Path, Object, Source string
				Line                 int
			}
		}
	}
	decode(t, &report, "scan", "--history", "-f", "json", "--min-confidence", "low")
	n := 0
	for _, f := range report.Findings {
		for _, o := range f.Occurrences {
			if o.Source != "blob" {
				continue
			}
			var e explanationJSON
			decode(t, &e, "explain", fmt.Sprintf("HEAD~1:%s:%d", o.Path, o.Line), "-f", "json")
			found := false
			for _, k := range e.Candidates {
				found = found || k.SHA == f.SHA && k.Finding
			}
			if !found || e.Object != o.Object {
				t.Errorf("%+v: explained as %+v", o, e)
			}
			n++
		}
	}
	if n < 15 {
		t.Errorf("only %d places", n)
	}
}

func TestAFileWinsOverARevisionAndALine(t *testing.T) {
	plain(t)
	folder := t.TempDir()
	t.Chdir(folder)
	key := testKey("sk_live_", "explain", 40)
	for _, name := range []string{"a:1", "HEAD:x", "a", "a:1:2"} {
		if err := os.WriteFile(name, []byte("\nk="+key+"\n"), 0o600); err != nil {
			t.Skip("this file system has no colons in names: ", err)
		}
	}
	for what, want := range map[string]string{
		"a": "a", "a:1": "a:1", "a:2": "a", "HEAD:x": "HEAD:x", "HEAD:x:2": "HEAD:x", "a:1:2": "a:1:2", "a:1:2:2": "a:1:2",
		filepath.Join(folder, "a") + ":2": filepath.Join(folder, "a"),
	} {
		var e explanationJSON
		decode(t, &e, "explain", what, "-f", "json")
		if e.Path != want || len(e.Candidates) != 1 {
			t.Errorf("%s is taken for %s line %d", what, e.Path, e.Line)
		}
	}
}
