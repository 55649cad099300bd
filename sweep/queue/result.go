package queue

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"time"

	"github.com/nats-io/nats.go/jetstream"
)

// Result is what came of a repository.
type Result struct {
	Name   string
	Failed string // why it was not scanned; "": it was
	// Mark says what of the repository, and how, was scanned (package unchanged). "": not known.
	Mark string
	// Until is when it no longer holds, even if nothing changed: an exception ends. Zero: never.
	Until time.Time
	// Keys is how many findings its report has. Chance says that something was not read that
	// may be read another time: the result is not to be used again.
	Keys   int
	Chance bool
	// Same says that nothing was scanned: it is the result of the sweep before.
	Same bool
	// Report is the report, "" if there is none, or it is the object called Object.
	Report []byte
	Object string
}

// largest is the most bytes of a message: servers take 1 MiB unless they are told otherwise.
const largest = 700 << 10

// Put keeps the result of a repository in a sweep, unless there is one. It reports whether
// this one is kept.
func (q *Queue) Put(ctx context.Context, sweep string, r Result) (kept bool, err error) {
	key := sweep + "." + id(r.Name)
	if len(r.Report) > largest/2 { // it grows by a third
		if _, err := q.results.Get(ctx, key); err == nil {
			return false, nil
		}
		err := q.retry(ctx, func() error {
			_, err := q.reports.Put(ctx, jetstream.ObjectMeta{Name: key}, bytes.NewReader(r.Report))
			return err
		})
		if err != nil {
			return false, stored(err)
		}
		r.Report, r.Object = nil, key
	}
	text, err := json.Marshal(r)
	if err != nil {
		return false, err
	}
	err = q.retry(ctx, func() error {
		_, err := q.results.Create(ctx, key, text)
		return err
	})
	if errors.Is(err, jetstream.ErrKeyExists) {
		return false, nil
	}
	return err == nil, stored(err)
}

// Result returns the result of a repository in a sweep, nil if there is none. Its report is
// read by Report.
func (q *Queue) Result(ctx context.Context, sweep, name string) (*Result, error) {
	entry, err := q.get(ctx, q.results, sweep+"."+id(name))
	if errors.Is(err, jetstream.ErrKeyNotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	r := new(Result)
	return r, json.Unmarshal(entry.Value(), r)
}

// Report returns the report of r.
func (q *Queue) Report(ctx context.Context, r *Result) (b []byte, err error) {
	if r.Object == "" {
		return r.Report, nil
	}
	err = q.retry(ctx, func() (err error) {
		b, err = q.reports.GetBytes(ctx, r.Object)
		return err
	})
	return b, err
}

// get reads an entry.
func (q *Queue) get(ctx context.Context, from jetstream.KeyValue, key string) (entry jetstream.KeyValueEntry, err error) {
	err = q.retry(ctx, func() (err error) {
		entry, err = from.Get(ctx, key)
		return err
	})
	return entry, err
}

// Watch calls done for each repository of a sweep that has a result, by its ID: for all that
// have one before it returns, then for each that comes, until ctx ends.
func (q *Queue) Watch(ctx context.Context, sweep string, done func(id string)) error {
	w, err := q.watch(ctx, q.results, sweep)
	if err != nil {
		return err
	}
	known := make(chan struct{})
	go func() {
		for entry := range w.Updates() {
			if entry != nil {
				done(entry.Key()[len(sweep)+1:])
			} else {
				close(known)
			}
		}
	}()
	select {
	case <-known:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// watch watches the entries of a sweep, without their values, until ctx ends.
func (q *Queue) watch(ctx context.Context, bucket jetstream.KeyValue, sweep string) (w jetstream.KeyWatcher, err error) {
	err = q.retry(ctx, func() (err error) {
		w, err = bucket.Watch(ctx, sweep+".*", jetstream.MetaOnly(), jetstream.IgnoreDeletes())
		return err
	})
	if err == nil {
		context.AfterFunc(ctx, func() { _ = w.Stop() })
	}
	return w, err
}

// ID returns the ID by which Watch names a repository.
func ID(name string) string { return id(name) }

// claimed begins the value of an answer that did not come yet; who claimed it follows.
const claimed = "claimed "

// Claim claims a key in a sweep for a while. Unless it is taken, it returns true. An answer,
// if there is one, is answer.
func (q *Queue) Claim(ctx context.Context, sweep, sha256 string, ttl time.Duration) (taken bool, answer []byte, err error) {
	key := sweep + "." + sha256
	err = q.retry(ctx, func() error {
		_, err := q.answers.Create(ctx, key, q.claim, jetstream.KeyTTL(ttl))
		return err
	})
	if err == nil {
		return true, nil, nil
	}
	if !errors.Is(err, jetstream.ErrKeyExists) {
		return false, nil, stored(err)
	}
	entry, err := q.get(ctx, q.answers, key)
	switch {
	case errors.Is(err, jetstream.ErrKeyNotFound):
		return false, nil, nil // it ran out just now
	case err != nil:
		return false, nil, err
	case bytes.Equal(entry.Value(), q.claim):
		return true, nil, nil // of an earlier call
	case bytes.HasPrefix(entry.Value(), []byte(claimed)):
		return false, nil, nil
	}
	return false, entry.Value(), nil
}

// Unclaim gives a claim of this process back.
func (q *Queue) Unclaim(ctx context.Context, sweep, sha256 string) error {
	return q.retry(ctx, func() error { return q.answers.Delete(ctx, sweep+"."+sha256) })
}

// PutAnswer keeps the answer about a key.
func (q *Queue) PutAnswer(ctx context.Context, sweep, sha256 string, answer []byte) error {
	return stored(q.retry(ctx, func() error {
		_, err := q.answers.Put(ctx, sweep+"."+sha256, answer)
		return err
	}))
}

// Answer returns the answer about a key, nil if there is none.
func (q *Queue) Answer(ctx context.Context, sweep, sha256 string) ([]byte, error) {
	entry, err := q.get(ctx, q.answers, sweep+"."+sha256)
	if errors.Is(err, jetstream.ErrKeyNotFound) {
		return nil, nil
	}
	if err != nil || bytes.HasPrefix(entry.Value(), []byte(claimed)) {
		return nil, err
	}
	return entry.Value(), nil
}

// PutStatus keeps how far the sweep is, for Status.
func (q *Queue) PutStatus(ctx context.Context, text []byte) error {
	_, err := q.main.Put(ctx, "status", text)
	return err
}

// Status returns what PutStatus kept, nil if that is nothing.
func (q *Queue) Status(ctx context.Context) ([]byte, error) {
	entry, err := q.main.Get(ctx, "status")
	if errors.Is(err, jetstream.ErrKeyNotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	return entry.Value(), nil
}

// WatchAnswers calls came for each answer of a sweep that comes, until ctx ends.
func (q *Queue) WatchAnswers(ctx context.Context, sweep string, came func()) error {
	w, err := q.watch(ctx, q.answers, sweep)
	if err != nil {
		return err
	}
	go func() {
		for entry := range w.Updates() {
			if entry != nil {
				came()
			}
		}
	}()
	return nil
}
