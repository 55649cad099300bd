package report

import "embed"

// Schemas are the JSON Schemas (2020-12) of the reports: report-1.schema.json
// of JSON, line-1.schema.json of each line of JSONL, explain-1.schema.json of
// an explanation, recheck-1.schema.json of what recheck says. The number is the SchemaVersion.
//
//go:embed schema/*.schema.json
var Schemas embed.FS
