package main

import (
	"bytes"
	"context"
	"keysweep/command"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// A key that works comes back, whatever anybody accepted.
func TestALiveKeyCannotBeAccepted(t *testing.T) {
	plain(t)
	key := testKey("sk_live_", t.Name(), 40)
	answer := http.StatusOK
	issuer := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		if r.Header.Get("Authorization") == "Bearer "+key && answer == http.StatusOK {
			_, _ = w.Write([]byte(`{"status":"success","data":[]}`))
			return
		}
		w.WriteHeader(http.StatusUnauthorized)
		_, _ = w.Write([]byte(`{"status":"error","message":"API key expired"}`))
	}))
	defer issuer.Close()
	t.Chdir(t.TempDir())
	for name, text := range map[string]string{
		"testdata/pay.env": "MARTIS_KEY=" + key + " # keysweep:allow a fixture, they said\n",
		".keysweep.toml":   "[[allow]]\npath = \"testdata/**\"\nreason = \"fixtures\"\n",
	} {
		if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	scan := func(args ...string) (int, string) {
		var out, errors bytes.Buffer
		status := command.Run(context.Background(), append([]string{"scan", "--no-progress"}, args...), command.Process{Stdout: &out, Stderr: &errors, Now: time.Now})
		if strings.Contains(out.String()+errors.String(), key) {
			t.Error("the key is printed")
		}
		return status, out.String() + errors.String()
	}
	if status, out := scan(); status != command.StatusClean || !strings.Contains(out, "1 key accepted") {
		t.Fatalf("status %d\n%s", status, out)
	}
	asked := []string{"--verify", "--endpoint", "martis=" + issuer.URL}
	status, out := scan(asked...)
	if status != command.StatusFound || !strings.Contains(out, "LIVE") || !strings.Contains(out, "1 accepted key still works and cannot be accepted") {
		t.Errorf("status %d\n%s", status, out)
	}
	if status, out := scan(append(asked, "--fail-on", "active")...); status != command.StatusFound {
		t.Errorf("status %d\n%s", status, out)
	}
	answer = http.StatusUnauthorized
	if status, out := scan(asked...); status != command.StatusClean || !strings.Contains(out, "1 key accepted") {
		t.Errorf("refused: status %d\n%s", status, out)
	}
}
