package report

import (
	"io"
	"slices"

	"keysweep/finding"
)

// The lines of JSONL, schema/line-1.schema.json: one scan, then findings, then
// rejected and skipped, and last one summary. A file without the summary was
// cut; one whose summary counts other lines has lost some.

type line struct {
	Type          string         `json:"type"`
	SchemaVersion int            `json:"schema_version,omitempty"` // of "scan"
	Tool          *toolRecord    `json:"tool,omitempty"`
	Scan          *scanRecord    `json:"scan,omitempty"`
	Finding       *findingRecord `json:"finding,omitempty"` // of "finding" and "rejected"
	Skipped       *skippedRecord `json:"skipped,omitempty"`
	Complete      *bool          `json:"complete,omitempty"` // of "summary"
	Lines         int64          `json:"lines,omitempty"`    // of the whole report, the summary too
	Summary       *summaryRecord `json:"summary,omitempty"`
}

func writeJSONL(w io.Writer, res *finding.Result, opts Options) error {
	j := newJSONWriter(w)
	r := newRecorder(res, opts)
	lines := int64(0)
	write := func(l line) {
		j.line(l)
		lines++
	}
	write(line{Type: "scan", SchemaVersion: SchemaVersion, Tool: new(opts.tool()), Scan: new(r.scan(res))})
	for i, f := range slices.Concat(res.Findings, opts.rejected(res)) {
		if j.err != nil {
			break
		}
		kind := "finding"
		if i >= len(res.Findings) {
			kind = "rejected"
		}
		write(line{Type: kind, Finding: new(r.finding(f))})
	}
	for _, s := range res.Skipped {
		write(line{Type: "skipped", Skipped: new(r.skipped(s))})
	}
	write(line{Type: "summary", Complete: new(res.Complete()), Lines: lines + 1, Summary: new(r.summary(res))})
	return j.flush()
}
