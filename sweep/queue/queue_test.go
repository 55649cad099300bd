package queue

import (
	"testing"
	"time"

	"keysweep/sweep/list"
)

// A server that was killed may come back with an older state, in which this worker has no
// work: it does not answer then.
func TestWorkIsDoneWithoutAnAnswer(t *testing.T) {
	ctx := t.Context()
	q, err := Open(ctx, Options{State: t.TempDir(), Wait: 200 * time.Millisecond})
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
