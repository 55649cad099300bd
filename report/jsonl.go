package report

import (
	"io"
	"slices"

	"keysweep/finding"
)

// writeJSONL writes the lines of schema/line-1.schema.json: one scan, then
// findings, then rejected and skipped, and last one summary. A file without the
// summary was cut; one whose summary counts other lines has lost some.
func writeJSONL(w io.Writer, res *finding.Result, opts Options) error {
	j := newJSONWriter(w)
	r := newRecorder(res, opts)
	lines := 0
	write := func(kind string, members ...member) {
		j.encode(append(object{{"type", kind}}, members...), "", "")
		j.raw("\n")
		lines++
	}
	write("scan", member{"schema_version", SchemaVersion}, member{"tool", opts.tool()}, member{"scan", r.scan(res)})
	for i, f := range slices.Concat(res.Findings, opts.rejected(res)) {
		if j.err != nil {
			break
		}
		kind := "finding"
		if i >= len(res.Findings) {
			kind = "rejected"
		}
		write(kind, member{"finding", r.finding(f)})
	}
	for _, s := range res.Skipped {
		write("skipped", member{"skipped", r.skipped(s)})
	}
	write("summary", member{"complete", res.Complete()}, member{"lines", lines + 1}, member{"summary", r.summary(res)})
	return j.flush()
}
