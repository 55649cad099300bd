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
	if info, err := os.Stat(v.EgressLog); err == nil && info.Mode()&os.ModeNamedPipe != 0 {
		return nil, fmt.Errorf("--egress-log: %s is a FIFO, and the scan would wait for its reader", quote.Name(v.EgressLog))
	}
	log, err := os.OpenFile(v.EgressLog, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, fmt.Errorf("--egress-log: %w", err)
	}
	r.Options.EgressLog, r.log = log, log
	return r, nil
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
