package queue

import (
	"bytes"
	"io"
	"net"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"

	"keysweep/sweep/list"
)

// A server that was killed may come back with an older state, in which this worker has no
// work: it does not answer then.
func TestWorkIsDoneWithoutAnAnswer(t *testing.T) {
	ctx := t.Context()
	q, err := Open(ctx, Options{State: t.TempDir(), Wait: time.Second})
	if err != nil {
		t.Fatal(err)
	}
	defer q.Close()
	if err := q.Publish(ctx, Job{Sweep: "a", Kind: Scan, Repository: list.Repository{Name: "shop"}}); err != nil {
		t.Fatal(err)
	}
	var d *Delivery
	for d == nil {
		if d, err = q.Next(ctx, Scan); err != nil {
			t.Fatal(err)
		}
	}
	if err := q.work.DeleteConsumer(ctx, Scan); err != nil {
		t.Fatal(err)
	}
	if err := d.Done(ctx); err != nil {
		t.Error(err)
	}
	if n, err := q.Waiting(ctx); n != 1 || err != nil {
		t.Errorf("%d messages wait, %v", n, err)
	}
	if err := q.Keep(ctx, &Sweep{ID: "a", Done: true}, false); err != nil {
		t.Fatal(err)
	}
	if n, err := q.Waiting(ctx); n != 0 || err != nil {
		t.Errorf("%d messages wait when all is done, %v", n, err)
	}
}

// proxied starts a server, and returns an address at which a connection is lost when lose
// reports so of what a client sends.
func proxied(t *testing.T, lose func(sent []byte) bool) (url string) {
	t.Helper()
	s, err := server.NewServer(&server.Options{Host: "127.0.0.1", Port: -1, JetStream: true, StoreDir: t.TempDir(), NoLog: true, NoSigs: true})
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
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	go func() {
		for {
			client, err := l.Accept()
			if err != nil {
				return
			}
			backend, err := net.Dial("tcp", s.Addr().String())
			if err != nil {
				_ = client.Close()
				continue
			}
			go func() {
				_, _ = io.Copy(client, backend)
				_ = client.Close()
			}()
			go func() {
				defer backend.Close()
				b := make([]byte, 64<<10)
				for {
					n, err := client.Read(b)
					if err != nil || lose(b[:n]) {
						return
					}
					if _, err := backend.Write(b[:n]); err != nil {
						return
					}
				}
			}()
		}
	}()
	return "nats://" + l.Addr().String()
}

// A server that is killed just when a worker connects to it comes back.
func TestAServerThatIsLostWhileItIsOpenedIsWaitedFor(t *testing.T) {
	var lost atomic.Int32
	url := proxied(t, func(sent []byte) bool {
		return bytes.Contains(sent, []byte("$JS.API.")) && lost.CompareAndSwap(0, 1)
	})
	q, err := Open(t.Context(), Options{URL: url, Wait: time.Second})
	if err != nil {
		t.Fatal(err)
	}
	defer q.Close()
	if n, err := q.Waiting(t.Context()); n != 0 || err != nil || lost.Load() != 1 {
		t.Errorf("%d messages wait, %v, after %d lost requests", n, err, lost.Load())
	}
}

func TestAServerThatIsAwayIsWaitedForAndSaid(t *testing.T) {
	usual := patience
	t.Cleanup(func() { patience = usual })
	var away atomic.Bool
	url := proxied(t, func([]byte) bool { return away.Load() })
	said := make(chan string, 10)
	q, err := Open(t.Context(), Options{URL: url, Wait: time.Second, Say: func(sentence string) {
		said <- sentence
		away.Store(false)
	}})
	if err != nil {
		t.Fatal(err)
	}
	defer q.Close()
	patience = 100 * time.Millisecond
	away.Store(true)
	if s, err := q.Sweep(t.Context()); s != nil || err != nil {
		t.Errorf("%v, %v", s, err)
	}
	if len(said) != 1 || !strings.Contains(<-said, "does not answer, and is waited for") {
		t.Errorf("%d sentences", len(said))
	}
}

// A process with the state of one that was killed has its claims at once; elsewhere, those of
// others run out, or are given back.
func TestClaims(t *testing.T) {
	const sweep, key = "sweep", "abc"
	claim := func(q *Queue) bool {
		t.Helper()
		taken, _, err := q.Claim(t.Context(), sweep, key, time.Second)
		if err != nil {
			t.Fatal(err)
		}
		return taken
	}
	open := func(o Options) *Queue {
		t.Helper()
		o.Wait = 2 * time.Second
		q, err := Open(t.Context(), o)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(q.Close)
		return q
	}
	state := t.TempDir()
	first := open(Options{State: state})
	if taken, _, err := first.Claim(t.Context(), sweep, key, time.Hour); !taken || err != nil {
		t.Fatal(taken, err)
	}
	first.Close()
	if !claim(open(Options{State: state})) {
		t.Error("a claim of a process that ended with the same state is waited for")
	}
	url := proxied(t, func([]byte) bool { return false })
	a, b := open(Options{URL: url}), open(Options{URL: url})
	if taken, _, err := a.Claim(t.Context(), sweep, key, time.Hour); !taken || err != nil {
		t.Fatal(taken, err)
	}
	if claim(b) {
		t.Error("two have one claim")
	}
	if err := a.Unclaim(t.Context(), sweep, key); err != nil || !claim(b) {
		t.Errorf("what is given back is not free, %v", err)
	}
	for !claim(a) { // it runs out
	}
}
