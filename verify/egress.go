package verify

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"sync"
	"time"

	"keysweep/finding"
)

// Record is one line of the egress log: a request that is about to be sent, or its
// result. It contains no key and no words of the other side.
type Record struct {
	Time   string `json:"time"`  // RFC 3339 with milliseconds, UTC
	Event  string `json:"event"` // request, and then result
	Method string `json:"method"`
	Host   string `json:"host"`
	Path   string `json:"path"`
	Status int    `json:"status,omitempty"` // of the answer
	// Error says why there is no answer. The request may have arrived.
	Error   finding.StatusCode `json:"error,omitempty"`
	Key     string             `json:"key"`               // its id, as in reports
	MadeUp  bool               `json:"made_up,omitempty"` // the key is a random one
	Attempt int                `json:"attempt"`           // from 1
}

// IsLog reports whether what r reads begins as an egress log: its first line is a
// Record. The error is that of reading it.
func IsLog(r io.Reader) (bool, error) {
	line, err := bufio.NewReader(io.LimitReader(r, 64<<10)).ReadBytes('\n')
	if err != nil && err != io.EOF {
		return false, err
	}
	d := json.NewDecoder(bytes.NewReader(line))
	d.DisallowUnknownFields()
	var first Record
	return d.Decode(&first) == nil && first.Time != "" && first.Event != "" && first.Host != "" && first.Key != "", nil
}

// egress writes the log. A request that cannot be logged must not be sent: the
// first error ends the run.
type egress struct {
	w      io.Writer
	now    func() time.Time
	failed func(error) // ends the run

	mu    sync.Mutex
	first error // guarded by mu
}

func newEgress(w io.Writer, now func() time.Time) *egress {
	return &egress{w: w, now: now, failed: func(error) {}}
}

// write writes one line. It returns false if this or an earlier one failed.
func (e *egress) write(r Record) bool {
	if e.w == nil {
		return true
	}
	r.Time = e.now().UTC().Format("2006-01-02T15:04:05.000Z07:00")
	line, err := json.Marshal(r)
	if err == nil {
		e.mu.Lock()
		defer e.mu.Unlock()
		if e.first != nil {
			return false
		}
		_, err = e.w.Write(append(line, '\n'))
	}
	if err != nil {
		e.first = fmt.Errorf("writing the egress log: %w", err)
		e.failed(e.first)
	}
	return err == nil
}

func (e *egress) err() error {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.first
}
