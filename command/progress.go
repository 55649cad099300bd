package command

import (
	"fmt"
	"io"
	"math"
	"sync/atomic"
	"time"

	"keysweep/quote"
	"keysweep/scanner"
	"keysweep/screen"
)

// showScan draws how far a scan is on the terminal w until the function that it
// returns is called, which erases it.
func showScan(w io.Writer, p *scanner.Progress) (erase func()) {
	gauge := screen.Gauge{Started: time.Now(), Counts: func() screen.Counts {
		phase, _ := p.Phase.Load().(string)
		message, _ := p.Message.Load().(string)
		if phase != "receiving" {
			message = ""
		}
		return screen.Counts{Phase: phase, Message: quote.Name(message), Files: p.Files.Load(), Objects: p.Objects.Load(), ObjectsTotal: p.ObjectsTotal.Load(),
			Bytes: p.Bytes.Load(), BytesTotal: p.BytesTotal.Load(), Candidates: p.Candidates.Load()}
	}}
	return screen.DrawLine(w, gauge.Line)
}

// showAsking draws how many keys the issuers were asked about, as showScan does.
func showAsking(w io.Writer) (progress func(done, total int), erase func()) {
	var state atomic.Int64 // done<<32 | total
	erase = screen.DrawLine(w, func(time.Time, int) string {
		s := state.Load()
		return fmt.Sprintf("asking issuers  %d of %s", s>>32, keys(int(s&math.MaxInt32)))
	})
	return func(done, total int) { state.Store(int64(done)<<32 | int64(total)) }, erase
}
