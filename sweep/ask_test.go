package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"keysweep/command"
	"keysweep/finding"
)

// issuer is a server that knows some keys, and counts how often it is asked about each.
func issuer(t *testing.T, works func(key string) bool) (url string, asked func(key string) int) {
	t.Helper()
	var mu sync.Mutex
	times := map[string]int{}
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		key := strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer ")
		mu.Lock()
		times[key]++
		mu.Unlock()
		w.Header().Set("Content-Type", "application/json")
		if works(key) {
			fmt.Fprint(w, `{"status":"success"}`)
			return
		}
		w.WriteHeader(http.StatusUnauthorized)
		fmt.Fprint(w, `{"status":"error","message":"Invalid or missing API key"}`)
	}))
	t.Cleanup(s.Close)
	return s.URL, func(key string) int {
		mu.Lock()
		defer mu.Unlock()
		return times[key]
	}
}

// martisKey returns a key that may be Martis's.
func martisKey(seed string) string { return key(seed)[:len("sk_")+len("live_")+32] }

// beside returns a line with a key and the host of an issuer.
func beside(host, key string) string {
	return "curl https://" + host + "/v1 -H 'Authorization: Bearer " + key + "'\n"
}

// verdicts returns issuer, status and its code of each finding, by the SHA-256 of its key.
func verdicts(t *testing.T, report string) map[string]string {
	t.Helper()
	var doc struct {
		Findings []struct {
			Sha256 string `json:"secret_sha256"`
			Issuer string
			Status string
			Reason string `json:"status_reason"`
			Kept   any    `json:"suppressed"`
		}
	}
	if err := json.Unmarshal([]byte(report), &doc); err != nil {
		t.Fatalf("%v\n%s", err, report)
	}
	all := map[string]string{}
	for _, f := range doc.Findings {
		code, _, _ := strings.Cut(f.Reason, ":")
		all[f.Sha256] = fmt.Sprintf("%s %s %s accepted %t", f.Issuer, f.Status, code, f.Kept != nil)
	}
	return all
}

func TestEachKeyIsAskedOnceWhenAllIsScanned(t *testing.T) {
	dir := t.TempDir()
	live, revoked, shared, mixed := martisKey("live"), martisKey("revoked"), martisKey("shared"), martisKey("mixed")
	var paths []string
	for i, text := range []string{
		beside("api.martis.id", live) + beside("api.martis.id", shared),
		beside("api.martis.id", mixed) + beside("api.martis.id", shared),
		beside("api.budpay.com", mixed) + "MARTIS_KEY=" + revoked + " # keysweep:allow it is revoked\n" + beside("api.martis.id", live),
	} {
		f := newFolder(t, filepath.Join(dir, fmt.Sprint("r", i)))
		f.commit("pay.sh", text)
		paths = append(paths, f.path)
	}
	url, asked := issuer(t, func(key string) bool { return key == live || key == shared })
	repos := listOf(t, dir, paths)
	args := []string{"--repos", repos, "--verify", "--endpoint", "martis=" + url, "-f", "json"}
	want := ""
	for _, workers := range []string{"1", "3"} {
		before := asked(live)
		status, got, stderr := run(t, append(args, "--state", filepath.Join(dir, "state"+workers), "--at-once", workers)...)
		if want = got; status != 1 {
			t.Fatalf("status %d\n%s\n%s", status, stderr, got)
		}
		if n := asked(live) - before; n != 1 {
			t.Errorf("%s workers: asked %d times about one key", workers, n)
		}
	}
	if asked(mixed) != 0 {
		t.Error("asked about a key that may be of two issuers")
	}
	all := verdicts(t, want)
	for key, words := range map[string]string{
		live: "martis active accepted accepted false", shared: "martis active accepted accepted false", mixed: "ambiguous unchecked issuer_ambiguous accepted false",
		revoked: "martis unknown not_recognised accepted true",
	} {
		if got := all[finding.NewSecret("sk_"+"live_", key[len("sk_")+len("live_"):]).SHA256()]; got != words {
			t.Errorf("%s: %q, want %q", key, got, words)
		}
	}
	// A repository with keys is scanned again, and its keys are asked about again.
	before := asked(live)
	if _, got, stderr := run(t, append(args, "--state", filepath.Join(dir, "state1"))...); got != want || asked(live) != before+1 {
		t.Errorf("again: %d more\n%s\n%s", asked(live)-before, stderr, got)
	}
	// The budget is that of the sweep.
	status, got, _ := run(t, append(args, "--state", filepath.Join(dir, "state2"), "--verify-limit", "1")...)
	if n := strings.Count(got, `"budget: the limit is 1"`); n != 2 || status != 1 {
		t.Errorf("%d keys beyond the limit:\n%s", n, got)
	}
}

func TestAKeyThatWasClaimedByAKilledWorkerIsAskedAgain(t *testing.T) {
	dir := t.TempDir()
	live := martisKey("live")
	f := newFolder(t, filepath.Join(dir, "r"))
	f.commit("pay.sh", beside("api.martis.id", live))
	hang := make(chan struct{})
	first := make(chan struct{})
	var calls atomic.Int32
	url, asked := issuer(t, func(key string) bool {
		if calls.Add(1) == 1 {
			close(first)
			<-hang
		}
		return key == live
	})
	defer close(hang)
	args := []string{"--repos", listOf(t, dir, []string{f.path}), "--verify", "--endpoint", "martis=" + url, "-f", "json", "--state", filepath.Join(dir, "state")}
	cmd := itself(t, args...)
	cmd.Env = append(cmd.Env, shortClaims+"=1")
	p := begin(t, cmd)
	<-first
	p.kill()
	again := itself(t, args...)
	again.Env = append(again.Env, shortClaims+"=1")
	p = begin(t, again)
	<-p.ended
	if got := verdicts(t, p.stdout.String()); len(got) != 1 || !strings.Contains(fmt.Sprint(got), "martis active") || asked(live) != 2 {
		t.Errorf("asked %d times: %v\n%s", asked(live), got, p.stderr.String())
	}
}

// shortClaims is the environment variable by which claims of the program run out soon.
const shortClaims = "KEYSWEEP_SWEEP_TEST_SHORT_CLAIMS"

func init() {
	if os.Getenv(shortClaims) != "" {
		claim = 2 * time.Second
	}
}

func TestAKeyWhoseRepositoryHasAKeyInItsNameIsNotAskedAbout(t *testing.T) {
	dir := t.TempDir()
	live := martisKey("live")
	rule := filepath.Join(dir, "acme.toml")
	text := "[[rule]]\nid = \"acme-token\"\nliterals = [\"acme_pat_\"]\nenvironments = { acme_pat_ = \"production\" }\nbody = { alphabet = \"A-Za-z0-9\", min = 32, max = 40 }\n"
	if err := os.WriteFile(rule, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	// Of a built-in rule, the list would be refused.
	f := newFolder(t, filepath.Join(dir, "acme_pat_"+strings.TrimPrefix(live, "sk_"+"live_")))
	f.commit("pay.sh", beside("api.martis.id", live))
	url, asked := issuer(t, func(string) bool { return true })
	status, got, stderr := run(t, "--repos", listOf(t, dir, []string{f.path}), "--state", filepath.Join(dir, "state"), "--rules", rule,
		"--verify", "--endpoint", "martis="+url, "-f", "json")
	if status != command.StatusFound || asked(live) != 0 || !strings.Contains(got, "the name of its repository holds a key") {
		t.Errorf("status %d, asked %d times\n%s\n%s", status, asked(live), stderr, got)
	}
}

func TestASweepThatIsStoppedBeforeItAsksReportsWhatItKnows(t *testing.T) {
	dir := t.TempDir()
	live := martisKey("live")
	f := newFolder(t, filepath.Join(dir, "r"))
	f.commit("pay.sh", beside("api.martis.id", live))
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		cancel()
		w.WriteHeader(http.StatusInternalServerError)
	}))
	t.Cleanup(s.Close)
	var out, errs bytes.Buffer
	p := &program{stdout: &out, stderr: &errs, now: clock, wait: silence}
	err := p.app().RunContext(ctx, []string{"keysweep-sweep", "--repos", listOf(t, dir, []string{f.path, s.URL + "/second.git"}), "--at-once", "1",
		"--state", filepath.Join(dir, "state"), "--verify", "--endpoint", "martis=" + s.URL, "-f", "json"})
	if end, ok := errors.AsType[*ending](err); !ok || end.err != nil {
		t.Fatalf("%v\n%s", err, errs.String())
	}
	hash := finding.NewSecret("sk_"+"live_", strings.TrimPrefix(live, "sk_"+"live_")).SHA256()
	if got := verdicts(t, out.String())[hash]; got != "martis unknown cancelled accepted false" {
		t.Errorf("%q\n%s", got, errs.String())
	}
}
