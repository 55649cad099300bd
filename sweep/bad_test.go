package main

import (
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"keysweep/command"
	"keysweep/sweep/queue"
)

// served runs a server in this process that listens, with a password, and returns its address.
func served(t *testing.T) (url string) {
	t.Helper()
	s, err := server.NewServer(&server.Options{
		Host: "127.0.0.1", Port: -1, Username: "u", Password: "right", JetStream: true, StoreDir: t.TempDir(), NoLog: true, NoSigs: true,
	})
	if err != nil {
		t.Fatal(err)
	}
	s.Start()
	t.Cleanup(func() {
		s.Shutdown()
		s.WaitForShutdown()
	})
	if !s.ReadyForConnections(time.Minute) {
		t.Fatal("the server does not start")
	}
	return "nats://u:right@" + s.Addr().String()
}

// keep keeps a sweep at a server.
func keep(t *testing.T, url string, s any) {
	t.Helper()
	nc, err := nats.Connect(url)
	if err != nil {
		t.Fatal(err)
	}
	defer nc.Close()
	js, err := jetstream.New(nc)
	if err != nil {
		t.Fatal(err)
	}
	ctx := context.Background()
	kv, err := js.CreateOrUpdateKeyValue(ctx, jetstream.KeyValueConfig{Bucket: "keysweep"})
	if err != nil {
		t.Fatal(err)
	}
	text, err := json.Marshal(s)
	if err == nil {
		_, err = kv.Put(ctx, "sweep", text)
	}
	if err != nil {
		t.Fatal(err)
	}
}

func TestBadStatesAreOneSentence(t *testing.T) {
	dir := t.TempDir()
	repos := listOf(t, dir, []string{newFolder(t, filepath.Join(dir, "r")).path})
	t.Chdir(dir) // a worker enters the folder of its sweep
	noLogin := filepath.Join(dir, "no.creds")
	if err := os.WriteFile(noLogin, []byte("no credentials\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		name  string
		sweep any // that the server keeps; nil: none
		args  func(url string) []string
		want  string
	}{
		{"a state of another version", queue.Sweep{Format: queue.Format + 1}, func(url string) []string { return []string{"--repos", repos, "--nats", url} },
			"the state is of another version of keysweep-sweep (its format is 2, and this one's 1)"},
		{"a worker of another version", queue.Sweep{Format: queue.Format, ID: "x", Program: "v0.9.0", Dir: dir}, func(url string) []string { return []string{"work", "--nats", url} },
			"the sweep was begun by another keysweep-sweep (v0.9.0), and this is "},
		{"a worker without a file of the rules", queue.Sweep{Format: queue.Format, ID: "x", Args: []string{"--rules=" + filepath.Join(dir, "none.toml")}, Dir: dir},
			func(url string) []string { return []string{"work", "--nats", url} }, "the sweep needs a file that is not here: --rules: open "},
		{"another sweep that did not end", queue.Sweep{Format: queue.Format, ID: "x", Program: "v0.9.0", Dir: dir}, func(url string) []string { return []string{"--repos", repos, "--nats", url} },
			"did not end, and had other options or another program: --restart gives it up"},
		{"a wrong password", nil, func(url string) []string {
			return []string{"--repos", repos, "--nats", strings.Replace(url, "right", "wrong", 1)}
		},
			"--nats: the server refused the credentials"},
		{"a file without credentials", nil, func(url string) []string {
			return []string{"--repos", repos, "--nats", url, "--nats-credentials", noLogin}
		}, "--nats: "},
		{"no server", nil, func(string) []string { return []string{"--repos", repos, "--nats", "nats://127.0.0.1:1"} }, "--nats: no server answers at this address"},
		{"work without servers", nil, func(string) []string { return []string{"work"} }, "work needs --nats"},
		{"a token for no API", nil, func(string) []string { return []string{"--repos", repos, "--token-env", "MINE"} }, "--token-env MINE is for the API of --github, --gitlab or --gitea: for an address it is HOST=MINE"},
		{"a broken configuration", nil, func(string) []string {
			return []string{"--repos", repos, "--state", filepath.Join(dir, "s"), "--config", noLogin}
		}, "no.creds: line 1"},
		{"a broken baseline", nil, func(string) []string {
			return []string{"--repos", repos, "--state", filepath.Join(dir, "s"), "--baseline", noLogin}
		}, "no.creds"},
		{"no such state", nil, func(string) []string { return []string{"status", "--state", filepath.Join(dir, "none")} }, "holds no sweep"},
		{"no repositories", nil, func(string) []string { return []string{"--state", filepath.Join(dir, "s")} }, "nothing to sweep: --repos"},
		{"no repository at once", nil, func(string) []string { return []string{"--repos", repos, "--at-once", "-1"} }, "--at-once: it is at least 1"},
		{"a path", nil, func(string) []string { return []string{dir} }, "is neither a command nor an option"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			url := served(t)
			if tt.sweep != nil {
				keep(t, url, tt.sweep)
			}
			status, stdout, stderr := run(t, tt.args(url)...)
			if status != command.StatusUse || !strings.Contains(stderr, tt.want) || strings.Count(stderr, "\n")-strings.Count(stderr, "\n  ") != 1 || stdout != "" || strings.Contains(stderr, "wrong@") {
				t.Errorf("status %d, %q %q, want %q", status, stdout, stderr, tt.want)
			}
		})
	}
}
