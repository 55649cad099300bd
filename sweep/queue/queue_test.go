package queue

import (
	"bytes"
	"io"
	"net"
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

// A server that is killed just when a worker connects to it comes back.
func TestAServerThatIsLostWhileItIsOpenedIsWaitedFor(t *testing.T) {
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
	var lost atomic.Int32
	go func() {
		for {
			client, err := l.Accept()
			if err != nil {
				return
			}
			real, err := net.Dial("tcp", s.Addr().String())
			if err != nil {
				_ = client.Close()
				continue
			}
			go func() {
				_, _ = io.Copy(client, real)
				_ = client.Close()
			}()
			go func() {
				defer real.Close()
				b := make([]byte, 64<<10)
				for {
					n, err := client.Read(b)
					if err != nil {
						return
					}
					if lost.Load() < 1 && bytes.Contains(b[:n], []byte("$JS.API.")) {
						lost.Add(1)
						return
					}
					if _, err := real.Write(b[:n]); err != nil {
						return
					}
				}
			}()
		}
	}()
	q, err := Open(t.Context(), Options{URL: "nats://" + l.Addr().String(), Wait: time.Second})
	if err != nil {
		t.Fatal(err)
	}
	defer q.Close()
	if n, err := q.Waiting(t.Context()); n != 0 || err != nil || lost.Load() != 1 {
		t.Errorf("%d messages wait, %v, after %d lost requests", n, err, lost.Load())
	}
}
