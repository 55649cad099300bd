package audit

import (
	"context"
	"fmt"
	"os"

	"keysweep/finding"
	"keysweep/quote"
	"keysweep/rules"
	"keysweep/verify"
)

// Verification says whether and how issuers are asked. The zero value asks none.
type Verification struct {
	On bool
	// Options says whom to ask and how. EgressLog and Progress are filled in
	// here.
	Options verify.Options
	// EgressLog is the file that gets a line for each request. "": none.
	EgressLog string
}

// Verifier asks issuers by a set of rules.
type Verifier struct {
	Verification
	set *rules.Set
	log *os.File // nil: none, or closed
}

// Open checks v against the rules and opens the egress log, before anything is
// scanned: a request that could not be logged would not be sent.
func (v Verification) Open(set *rules.Set) (*Verifier, error) {
	r := &Verifier{Verification: v, set: set}
	if !v.On {
		return r, nil
	}
	if err := verify.Check(v.Options, set); err != nil || v.EgressLog == "" {
		return r, err
	}
	log, err := openLog(v.EgressLog)
	if err != nil {
		return nil, fmt.Errorf("--egress-log: %w", err)
	}
	r.Options.EgressLog, r.log = log, log
	return r, nil
}

// openLog opens an egress log to append to it: a file that is new, empty or an egress
// log, or a device.
func openLog(path string) (*os.File, error) {
	info, err := os.Stat(path) // first: opening a FIFO waits for a reader
	how := os.O_RDWR
	switch {
	case err == nil && info.Mode()&os.ModeNamedPipe != 0:
		return nil, fmt.Errorf("%s is a FIFO, and the scan would wait for its reader", quote.Name(path))
	case err == nil && info.Mode().Type()&^os.ModeIrregular != 0: // irregular: as OneDrive has it
		how = os.O_WRONLY
	}
	log, err := os.OpenFile(path, how|os.O_CREATE|os.O_APPEND, 0o600)
	if err != nil || how == os.O_WRONLY {
		return log, err
	}
	if err = endLog(log, path); err != nil {
		_ = log.Close()
		return nil, err
	}
	return log, nil
}

// endLog returns an error if a file holds something other than an egress log. A line
// that a full disk or a killed run left torn gets its end, so that the next is not
// taken for a part of it.
func endLog(log *os.File, path string) error {
	info, err := log.Stat()
	if err != nil || info.Size() == 0 {
		return err
	}
	switch is, err := verify.IsLog(log); {
	case err != nil:
		return err
	case !is:
		return fmt.Errorf("%s holds something other than an egress log, and is not appended to", quote.Name(path))
	}
	var last [1]byte
	if _, err = log.ReadAt(last[:], info.Size()-1); err == nil && last[0] != '\n' {
		_, err = log.Write([]byte("\n"))
	}
	return err
}

// Ask asks about the findings; progress may be nil. After an error, the findings
// still say what is known.
func (r *Verifier) Ask(ctx context.Context, findings []*finding.Finding, progress func(done, total int)) (verify.Summary, error) {
	if !r.On {
		return verify.Summary{}, nil
	}
	r.Options.Progress = progress
	return verify.All(ctx, r.Options, r.set, findings)
}

// Close closes the log.
func (r *Verifier) Close() error {
	log := r.log
	if r.log = nil; log == nil {
		return nil
	}
	return log.Close()
}
