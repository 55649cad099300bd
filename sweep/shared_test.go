package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"keysweep/sweep/list"
	"keysweep/sweep/queue"
)

// until is a buffer that calls found when it holds text.
type until struct {
	bytes.Buffer
	text  string
	found func()
}

func (u *until) Write(b []byte) (int, error) {
	n, err := u.Buffer.Write(b)
	if strings.Contains(u.String(), u.text) {
		u.found()
	}
	return n, err
}

// A sweep that no worker can end any more does not wait.
func TestASweepEndsThatIsNotTheServersAnyMore(t *testing.T) {
	dir := t.TempDir()
	repos := listOf(t, dir, []string{newFolder(t, filepath.Join(dir, "r")).path})
	for _, tt := range []struct {
		name   string
		change func(ctx context.Context, js jetstream.JetStream, kv jetstream.KeyValue, s queue.Sweep) error
		want   string
	}{
		{"another coordinator gave it up", func(ctx context.Context, _ jetstream.JetStream, kv jetstream.KeyValue, s queue.Sweep) error {
			s.ID = "another"
			return put(ctx, kv, s)
		}, "another keysweep-sweep ended this sweep or gave it up"},
		{"another coordinator ended it", func(ctx context.Context, _ jetstream.JetStream, kv jetstream.KeyValue, s queue.Sweep) error {
			s.Done = true
			return put(ctx, kv, s)
		}, "another keysweep-sweep ended this sweep or gave it up"},
		{"the server came back without it", func(ctx context.Context, js jetstream.JetStream, _ jetstream.KeyValue, _ queue.Sweep) error {
			for names := js.StreamNames(ctx); ; {
				name, more := <-names.Name()
				if !more {
					return names.Err()
				}
				if err := js.DeleteStream(ctx, name); err != nil {
					return err
				}
			}
		}, "the server no longer has the sweep"},
		{"there is no worker", nil, "no worker takes the repositories"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			url := served(t)
			nc, err := nats.Connect(url)
			if err != nil {
				t.Fatal(err)
			}
			defer nc.Close()
			js, err := jetstream.New(nc)
			if err != nil {
				t.Fatal(err)
			}
			kv, err := js.CreateOrUpdateKeyValue(t.Context(), jetstream.KeyValueConfig{Bucket: "keysweep"})
			if err != nil {
				t.Fatal(err)
			}
			begun, err := kv.Watch(t.Context(), "status", jetstream.UpdatesOnly())
			if err != nil {
				t.Fatal(err)
			}
			ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
			defer cancel()
			errs := &until{text: tt.want, found: cancel}
			p := &program{stdout: errs, stderr: errs, now: clock, wait: time.Second}
			ended := make(chan error, 1)
			go func() {
				err := p.app().RunContext(ctx, []string{"keysweep-sweep", "--repos", repos, "--nats", url})
				if err != nil {
					p.say(err.Error())
				}
				ended <- err
			}()
			if tt.change != nil {
				<-begun.Updates()
				entry, err := kv.Get(ctx, "sweep")
				if err != nil {
					t.Fatal(err)
				}
				var s queue.Sweep
				if err := json.Unmarshal(entry.Value(), &s); err != nil {
					t.Fatal(err)
				}
				if err := tt.change(ctx, js, kv, s); err != nil {
					t.Fatal(err)
				}
			}
			select {
			case err := <-ended:
				if err == nil || !strings.Contains(errs.String(), tt.want) {
					t.Errorf("%v, %q, want %q", err, errs.String(), tt.want)
				}
			case <-time.After(2 * time.Minute):
				t.Error("it waits")
			}
		})
	}
}

func put(ctx context.Context, kv jetstream.KeyValue, s queue.Sweep) error {
	text, err := json.Marshal(s)
	if err == nil {
		_, err = kv.Put(ctx, "sweep", text)
	}
	return err
}

func TestAWorkerLeavesTheNextSweepToItsWorkers(t *testing.T) {
	ctx := t.Context()
	q, err := queue.Open(ctx, queue.Options{State: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	defer q.Close()
	for _, do := range []func() error{
		func() error { return q.Keep(ctx, &queue.Sweep{ID: "next"}, true) },
		func() error {
			return q.Publish(ctx, queue.Job{Sweep: "next", Kind: queue.Scan, Repository: list.Repository{Name: "shop"}})
		},
		func() error { return (&worker{q: q, sweep: &queue.Sweep{ID: "before"}}).run(ctx) },
	} {
		if err := do(); err != nil {
			t.Fatal(err)
		}
	}
	if n, err := q.Waiting(ctx); n != 1 || err != nil {
		t.Errorf("%d messages wait, %v", n, err)
	}
}

func TestStatusOfASweep(t *testing.T) {
	dir := t.TempDir()
	state := filepath.Join(dir, "state")
	run(t, "--repos", listOf(t, dir, []string{newFolder(t, filepath.Join(dir, "r")).path}), "--state", state)
	if _, got, _ := run(t, "status", "--state", state); got != "The sweep of 2126-06-01 12:00:00: 1 of 1 repositories are done.\n" {
		t.Error(got)
	}
	unlock, err := lock("--state", state)
	if err != nil {
		t.Fatal(err)
	}
	defer unlock()
	// It asks about keys, or reports.
	if _, got, _ := run(t, "status", "--state", state); got != "The sweep of 2126-06-01 12:00:00: 1 of 1 repositories are done, and it runs.\n" {
		t.Error(got)
	}
}

// A worker that is stopped while it asks gives its keys back: the next one does not wait.
func TestAStoppedWorkerGivesItsKeysBack(t *testing.T) {
	dir := t.TempDir()
	live := martisKey("live")
	f := newFolder(t, filepath.Join(dir, "r"))
	f.commit("pay.sh", beside("api.martis.id", live))
	server := served(t)
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	first, stop := context.WithCancel(ctx)
	defer stop()
	hang := make(chan struct{})
	defer close(hang)
	url, asked := issuer(t, func(key string) bool {
		if first.Err() == nil {
			stop()
			<-hang
		}
		return key == live
	})
	start := func(ctx context.Context, out *bytes.Buffer, args ...string) (ended chan error) {
		ended = make(chan error, 1)
		p := &program{stdout: out, stderr: new(bytes.Buffer), now: clock, wait: silence}
		go func() { ended <- p.app().RunContext(ctx, append([]string{"keysweep-sweep"}, args...)) }()
		return ended
	}
	var report bytes.Buffer
	sweep := start(ctx, &report, "--repos", listOf(t, dir, []string{f.path}), "--nats", server, "--verify", "--endpoint", "martis="+url, "-f", "json")
	if err := <-start(first, new(bytes.Buffer), "work", "--nats", server); err != nil {
		t.Error(err)
	}
	second := start(ctx, new(bytes.Buffer), "work", "--nats", server)
	<-sweep
	if err := <-second; err != nil {
		t.Error(err)
	}
	if got := verdicts(t, report.String()); len(got) != 1 || !strings.Contains(fmt.Sprint(got), "martis active") || asked(live) > 2 {
		t.Errorf("asked %d times: %v", asked(live), got)
	}
}
