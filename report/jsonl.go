package report

import (
	"io"

	"keysweep/finding"
)

// The lines of JSONL, schema/line-1.schema.json: one scan, then findings, then
// rejected and skipped, and last one summary. A file without the summary was
// cut; one whose summary counts other lines has lost some.

type scanLine struct {
	Type          string     `json:"type"` // "scan"
	SchemaVersion int        `json:"schema_version"`
	Tool          toolRecord `json:"tool"`
	Scan          scanRecord `json:"scan"`
}

type findingLine struct {
	Type    string        `json:"type"` // "finding" or "rejected"
	Finding findingRecord `json:"finding"`
}

type skippedLine struct {
	Type    string        `json:"type"` // "skipped"
	Skipped skippedRecord `json:"skipped"`
}

type summaryLine struct {
	Type     string        `json:"type"` // "summary"
	Complete bool          `json:"complete"`
	Lines    int64         `json:"lines"` // of the whole report, this one too
	Summary  summaryRecord `json:"summary"`
}

func writeJSONL(w io.Writer, res *finding.Result, opts Options) error {
	j := newJSONWriter(w)
	r := newRecorder(res, opts)
	lines := int64(0)
	line := func(v any) {
		j.line(v)
		lines++
	}
	line(scanLine{"scan", SchemaVersion, r.tool(opts), r.scan(res)})
	for _, f := range res.Findings {
		if j.err != nil {
			break
		}
		line(findingLine{"finding", r.finding(f)})
	}
	if opts.ShowRejected {
		for _, f := range res.RejectedFindings {
			if j.err != nil {
				break
			}
			line(findingLine{"rejected", r.finding(f)})
		}
	}
	for _, s := range res.Skipped {
		line(skippedLine{"skipped", r.skipped(s)})
	}
	line(summaryLine{"summary", res.Complete(), lines + 1, r.summary(res)})
	return j.flush()
}
