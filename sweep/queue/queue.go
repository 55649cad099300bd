// Package queue keeps a sweep in NATS JetStream: what is to be done, what came of it, and
// which keys were asked about. By default the server is in this process, has no port and
// keeps its files in a folder; or there is one elsewhere, which workers on many machines
// share.
//
// What is kept:
//
//	stream KEYSWEEP_WORK           one message for each repository to scan (KEYSWEEP.scan.ID),
//	                               or to read again for its issuers (KEYSWEEP.ask.ID)
//	bucket keysweep                sweep: the Sweep; status: how far it is
//	bucket keysweep-results        SWEEP.ID: the Result of a repository
//	bucket keysweep-answers        SWEEP.SHA256: the claim of a worker, then the answer
//	objects keysweep-reports       SWEEP.ID: the report of a Result that is too large for it
//
// ID is a hash of the name of the repository. Results say what is done, and not messages: a
// message that came twice finds the result of the first time.
package queue

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"strings"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"keysweep/sweep/list"
)

// Format is the version of what is kept. It grows when a program could not read what an
// older one kept.
const Format = 1

// MaxAttempts is how many workers may be lost over one repository before it is given up.
const MaxAttempts = 5

// ackWait is how long a worker may be silent before its repository is given to another; it
// says five times as often that it is at work.
const ackWait = 10 * time.Second

// The kinds of work.
const (
	Scan = "scan" // scan a repository
	Ask  = "ask"  // read keys of a repository again, and ask their issuers
)

// Options says where a sweep is kept.
type Options struct {
	// State is the folder of the server in this process.
	State string
	// URL is the address of servers elsewhere, as nats://HOST or tls://HOST; State is not
	// used then. Credentials is a file with a user's JWT and key, and CAFile a PEM file
	// of further trusted certificates. "": none.
	URL, Credentials, CAFile string
	// Wait is how long a worker may be silent. Zero: 10 s.
	Wait time.Duration
	// Say gets a sentence for the user when a server at URL does not answer. Nil: it is not called.
	Say func(sentence string)
}

// Sweep is one sweep, as it is kept.
type Sweep struct {
	Format  int
	ID      string
	Program string // what scans: equal words are equal verdicts
	// Args are the options that say what is found, and Files the SHA-256 of the files
	// that they name, by path.
	Args  []string
	Files map[string]string
	// Dir is the working directory, from which paths are named.
	Dir     string
	Started time.Time
	// Before is the ID of the sweep before, whose results may still hold. "": there is none.
	Before string
	Total  int // repositories
	Done   bool
}

// NewID returns the ID of a new sweep.
func NewID() string { return rand.Text() }

// Job is the work on one repository.
type Job struct {
	Sweep, Kind string
	list.Repository
	Asks  []KeyToAsk `json:",omitempty"` // of Ask
	Spare int        `json:",omitzero"`  // how many more keys may be asked about, where the ends of one are not certain
}

// KeyToAsk is a key that is found again by its hash, and whose it is by all the evidence.
type KeyToAsk struct {
	SHA256, RuleID, Issuer string
	Strength               uint8
}

// Queue is a connection to what is kept.
type Queue struct {
	server  *server.Server // nil: it is elsewhere
	nc      *nats.Conn
	js      jetstream.JetStream
	work    jetstream.Stream
	from    map[string]jetstream.Consumer // by kind
	main    jetstream.KeyValue
	results jetstream.KeyValue
	answers jetstream.KeyValue
	reports jetstream.ObjectStore
	wait    time.Duration
	claim   []byte // of this process
	state   string // the folder of server
	opened  bool
	say     func(string)
	said    atomic.Bool // of this absence of the server
}

// Open connects, and makes what is not there. The error of a state of another version wraps
// ErrFormat.
func Open(ctx context.Context, o Options) (q *Queue, err error) {
	q = &Queue{wait: o.Wait, state: o.State, say: o.Say, claim: []byte(claimed + rand.Text()), from: map[string]jetstream.Consumer{}}
	if q.wait == 0 {
		q.wait = ackWait
	}
	if q.say == nil {
		q.say = func(string) {}
	}
	if o.URL == "" {
		q.claim = []byte(claimed + "here") // an earlier process with this state has ended
		err = q.serve(o.State)
	} else {
		q.nc, err = connect(o)
	}
	if err == nil {
		err = q.open(ctx)
	}
	if err != nil {
		q.Close()
		return nil, stored(err)
	}
	q.opened = true
	return q, nil
}

// serve starts a server that only this process reaches.
func (q *Queue) serve(state string) (err error) {
	q.server, err = server.NewServer(&server.Options{
		ServerName: "keysweep", DontListen: true, JetStream: true, StoreDir: state, NoLog: true, NoSigs: true,
		// What was done is not done again after a power cut either.
		SyncAlways: true,
	})
	if err != nil {
		return fmt.Errorf("--state %s: %w", state, err)
	}
	q.server.Start()
	if !q.server.ReadyForConnections(time.Minute) {
		return fmt.Errorf("--state %s: its server does not start", state)
	}
	q.nc, err = nats.Connect("", nats.InProcessServer(q.server))
	return err
}

// connect connects to servers elsewhere.
func connect(o Options) (*nats.Conn, error) {
	opts := []nats.Option{
		nats.Name("keysweep-sweep"), nats.MaxReconnects(-1),
		nats.ErrorHandler(func(*nats.Conn, *nats.Subscription, error) {}), // retry says what counts; without, it is printed
	}
	if o.Credentials != "" {
		opts = append(opts, nats.UserCredentials(o.Credentials))
	}
	if o.CAFile != "" {
		opts = append(opts, nats.RootCAs(o.CAFile))
	}
	nc, err := nats.Connect(o.URL, opts...)
	switch {
	case errors.Is(err, nats.ErrAuthorization) || errors.Is(err, nats.ErrAuthExpired):
		return nil, errors.New("--nats: the server refused the credentials (--nats-credentials names a file with others)")
	case errors.Is(err, nats.ErrNoServers):
		return nil, errors.New("--nats: no server answers at this address")
	case err != nil:
		return nil, fmt.Errorf("--nats: %w", err)
	}
	return nc, nil
}

// ErrFormat is the error of a state that another version of the program keeps.
var ErrFormat = errors.New("the state is of another version of keysweep-sweep")

// open opens the streams, and makes them if they are not there.
func (q *Queue) open(ctx context.Context) (err error) {
	if q.js, err = jetstream.New(q.nc, jetstream.WithDefaultTimeout(q.wait/2)); err != nil {
		return err
	}
	try := func(do func() error) {
		if err == nil {
			err = q.retry(ctx, do)
		}
	}
	bucket := func(name string, expires time.Duration) (kv jetstream.KeyValue) {
		try(func() (err error) {
			kv, err = q.js.CreateOrUpdateKeyValue(ctx, jetstream.KeyValueConfig{Bucket: name, LimitMarkerTTL: expires})
			return err
		})
		return kv
	}
	// First, since a state of another version is not to be changed.
	q.main = bucket("keysweep", 0)
	if err == nil {
		_, err = q.Sweep(ctx)
	}
	q.results = bucket("keysweep-results", 0)
	q.answers = bucket("keysweep-answers", time.Hour)
	try(func() (err error) {
		q.reports, err = q.js.CreateOrUpdateObjectStore(ctx, jetstream.ObjectStoreConfig{Bucket: "keysweep-reports"})
		return err
	})
	try(func() (err error) {
		q.work, err = q.js.CreateOrUpdateStream(ctx, jetstream.StreamConfig{
			Name: "KEYSWEEP_WORK", Subjects: []string{"KEYSWEEP.>"}, Retention: jetstream.WorkQueuePolicy,
			// A message that is there is not added again.
			Discard: jetstream.DiscardNew, DiscardNewPerSubject: true, MaxMsgsPerSubject: 1,
		})
		return err
	})
	for kind, most := range map[string]int{Scan: -1, Ask: 1} { // one at a time asks: rates hold for all
		try(func() (err error) {
			q.from[kind], err = q.work.CreateOrUpdateConsumer(ctx, jetstream.ConsumerConfig{
				Durable: kind, FilterSubject: "KEYSWEEP." + kind + ".>", AckPolicy: jetstream.AckExplicitPolicy,
				// MaxDeliver would leave a message in the stream that nothing counts: a worker
				// gives up what was delivered too often.
				AckWait: q.wait, MaxDeliver: -1, MaxAckPending: most,
			})
			return err
		})
	}
	if errors.Is(err, jetstream.ErrJetStreamNotEnabled) || errors.Is(err, jetstream.ErrJetStreamNotEnabledForAccount) {
		return errors.New("--nats: the server has no JetStream for this user")
	}
	return err
}

// Close ends the connection and the server.
func (q *Queue) Close() {
	if q.nc != nil {
		q.nc.Close()
	}
	if q.server != nil {
		q.server.Shutdown()
		q.server.WaitForShutdown()
	}
}

// Sweep returns the sweep that is kept, nil if there is none.
func (q *Queue) Sweep(ctx context.Context) (*Sweep, error) {
	var entry jetstream.KeyValueEntry
	err := q.retry(ctx, func() (err error) {
		entry, err = q.main.Get(ctx, "sweep")
		return err
	})
	if errors.Is(err, jetstream.ErrKeyNotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	s := new(Sweep)
	if err := json.Unmarshal(entry.Value(), s); err != nil || s.Format != Format {
		return nil, fmt.Errorf("%w (its format is %d, and this one's %d): finish with that, or name another --state", ErrFormat, s.Format, Format)
	}
	return s, nil
}

// Keep keeps s. With begin, it replaces a sweep that is done or given up, whose work goes, as
// does what is left of the work of s when it is done.
func (q *Queue) Keep(ctx context.Context, s *Sweep, begin bool) error {
	s.Format = Format
	text, err := json.Marshal(s)
	if err != nil {
		return err
	}
	if begin || s.Done {
		if err := q.retry(ctx, func() error { return q.work.Purge(ctx) }); err != nil {
			return err
		}
	}
	return stored(q.retry(ctx, func() error {
		_, err := q.main.Put(ctx, "sweep", text)
		return err
	}))
}

// Forget removes the results of the sweep called id, and all objects except what keep
// names; nil: no object.
func (q *Queue) Forget(ctx context.Context, id string, keep map[string]bool) error {
	for _, bucket := range []string{"keysweep-results", "keysweep-answers"} {
		err := q.retry(ctx, func() error {
			s, err := q.js.Stream(ctx, "KV_"+bucket)
			if err == nil {
				err = s.Purge(ctx, jetstream.WithPurgeSubject("$KV."+bucket+"."+id+".>"))
			}
			return err
		})
		if err != nil {
			return err
		}
	}
	if keep == nil {
		return nil
	}
	return q.retry(ctx, func() error {
		objects, err := q.reports.List(ctx)
		if errors.Is(err, jetstream.ErrNoObjectsFound) {
			return nil
		}
		for _, o := range objects {
			if !keep[o.Name] && err == nil {
				err = q.reports.Delete(ctx, o.Name)
			}
		}
		return err
	})
}

// id is the name of a repository as a part of subjects and keys.
func id(name string) string {
	sum := sha256.Sum256([]byte(name))
	return hex.EncodeToString(sum[:16])
}

// Publish adds work. What is there already, or is being done, is not added again.
func (q *Queue) Publish(ctx context.Context, j Job) error {
	text, err := json.Marshal(j)
	if err != nil {
		return err
	}
	err = q.retry(ctx, func() error {
		_, err := q.js.Publish(ctx, "KEYSWEEP."+j.Kind+"."+id(j.Name), text)
		return err
	})
	if e, ok := errors.AsType[*jetstream.APIError](err); ok && strings.Contains(e.Description, server.ErrMaxMsgsPerSubject.Error()) {
		return nil
	}
	return stored(err)
}

// Waiting returns how many messages there are, of work that waits and that is being done.
func (q *Queue) Waiting(ctx context.Context) (int, error) {
	info, err := q.work.Info(ctx)
	if err != nil {
		return 0, err
	}
	return int(info.State.Msgs), nil
}

// Untouched reports whether work waits at servers elsewhere, and no worker does any.
func (q *Queue) Untouched(ctx context.Context) bool {
	if q.server != nil {
		return false
	}
	taken := 0
	for _, from := range q.from {
		info, err := from.Info(ctx)
		if err != nil {
			return false
		}
		taken += info.NumAckPending
	}
	n, err := q.Waiting(ctx)
	return err == nil && n > 0 && taken == 0
}

// patience is how long a server may not answer: then the one in this process is given up, and
// any that never answered.
var patience = 30 * time.Second // tests have less

// ErrLost is the error of servers elsewhere that have no work of any sweep any more.
var ErrLost = errors.New("--nats: the server no longer has the sweep: begin it again")

// isLost reports whether servers elsewhere answer, and have no work of any sweep.
func (q *Queue) isLost(ctx context.Context) bool {
	if !q.opened || q.server != nil {
		return false
	}
	_, err := q.work.Info(ctx)
	return errors.Is(err, jetstream.ErrStreamNotFound)
}

// retry calls do again as long as no server answers, until ctx ends. The one in this process
// is given up when its disk is full, or after a while, and so is any that never answered, or
// that came back without what it kept. Others are waited for, and the user hears of it: one
// whose disk was full answers no more until it starts anew.
func (q *Queue) retry(ctx context.Context, do func() error) error {
	var long <-chan time.Time
	lost := 0 // how often in succession
	for {
		err := do()
		if err == nil {
			q.said.Store(false)
		}
		if err == nil || !isAway(err) || ctx.Err() != nil || q.nc.IsClosed() || !q.opened && errors.Is(err, jetstream.ErrJetStreamNotEnabled) {
			return err
		}
		where := "--nats"
		if q.server != nil {
			where = "--state"
			if full := writable(q.state); full != nil {
				return fmt.Errorf("--state: %w", full)
			}
		}
		if lost++; !q.isLost(ctx) {
			lost = 0
		} else if lost > 40 { // twice q.wait: a server that begins may not know all at once
			return ErrLost
		}
		if long == nil {
			long = time.After(patience)
		}
		select {
		case <-ctx.Done():
			return err
		case <-long:
			if q.server != nil || !q.opened {
				return fmt.Errorf("%s: the server does not answer: %w", where, err)
			}
			if q.said.CompareAndSwap(false, true) {
				q.say("--nats: the server does not answer, and is waited for (one whose disk was full has to be started again)")
			}
			long = make(chan time.Time) // it is said
		case <-time.After(q.wait / 20):
		}
	}
}

// writable returns why a folder cannot be written to: a server whose disk is full does not
// say so, but does not answer.
func writable(dir string) error {
	f, err := os.CreateTemp(dir, "room")
	if err != nil {
		return err
	}
	defer os.Remove(f.Name())
	_, err = f.Write(make([]byte, 256<<10))
	return errors.Join(err, f.Close())
}

// isAway reports whether an error says that no server answers now: it may do so later.
func isAway(err error) bool {
	for _, away := range []error{
		nats.ErrNoResponders, nats.ErrTimeout, nats.ErrConnectionReconnecting, nats.ErrDisconnected, nats.ErrReconnectBufExceeded, context.DeadlineExceeded,
		jetstream.ErrNoStreamResponse, jetstream.ErrNoHeartbeat, jetstream.ErrConsumerNotFound, jetstream.ErrServerShutdown, jetstream.ErrConsumerLeadershipChanged,
	} {
		if errors.Is(err, away) {
			return true
		}
	}
	const notAvailable, notLeader, notEnabled = 10008, 10009, 10076 // of a cluster, or yet
	e, ok := errors.AsType[*jetstream.APIError](err)
	return ok && (e.ErrorCode == notAvailable || e.ErrorCode == notLeader || e.ErrorCode == notEnabled)
}

// stored words an error of keeping something.
func stored(err error) error {
	if e, ok := errors.AsType[*jetstream.APIError](err); ok {
		return fmt.Errorf("what was done could not be kept: %s", e.Description)
	}
	return err
}

// Delivery is work that this worker is to do.
type Delivery struct {
	Job
	// Attempts is how often it was given to a worker, this time included.
	Attempts int

	q    *Queue
	msg  jetstream.Msg
	stop context.CancelFunc
}

// Next waits for work of a kind, for half a second. Nil: there is none.
func (q *Queue) Next(ctx context.Context, kind string) (*Delivery, error) {
	// One at a time: what is fetched and not yet begun would count as being done.
	ctx, cancel := context.WithTimeout(ctx, 500*time.Millisecond)
	defer cancel()
	msg, err := q.from[kind].Next(jetstream.FetchContext(ctx))
	if err != nil && ctx.Err() == nil && isAway(err) {
		<-ctx.Done() // the server may be back then
	}
	switch {
	case errors.Is(err, context.DeadlineExceeded) || errors.Is(err, nats.ErrTimeout) || errors.Is(err, jetstream.ErrNoMessages) || ctx.Err() != nil:
		return nil, nil
	case err != nil:
		return nil, err
	}
	d := &Delivery{q: q, msg: msg}
	about, err := msg.Metadata()
	if err == nil {
		d.Attempts, err = int(about.NumDelivered), json.Unmarshal(msg.Data(), &d.Job)
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("a message that is no work: %w", err), msg.Term())
	}
	var working context.Context
	working, d.stop = context.WithCancel(context.Background())
	go d.inProgress(working)
	return d, nil
}

// inProgress says that the worker is there until ctx ends.
func (d *Delivery) inProgress(ctx context.Context) {
	tick := time.NewTicker(d.q.wait / 5)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			_ = d.msg.InProgress() // without a connection, another worker may take it
		}
	}
}

// Done says that nothing is left to do: the message goes. A server that was lost meanwhile
// may not know any more that it gave the work out, and never answers: it gives it out again,
// and its result is found.
func (d *Delivery) Done(ctx context.Context) error {
	d.stop()
	ctx, cancel := context.WithTimeout(ctx, d.q.wait)
	defer cancel()
	if err := d.msg.DoubleAck(ctx); err != nil && !errors.Is(err, jetstream.ErrMsgAlreadyAckd) && !isAway(err) {
		return err
	}
	return nil
}

// GiveBack gives work back that was not done, because this worker stops: it does not count
// as an attempt.
func (d *Delivery) GiveBack(ctx context.Context) error {
	if err := d.Done(ctx); err != nil {
		return err
	}
	return d.q.Publish(ctx, d.Job)
}

// Drop leaves work to another worker.
func (d *Delivery) Drop() { d.stop() }
