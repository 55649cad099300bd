package report

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"math"
	"os"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"keysweep/finding"
)

// schemas compiles the published schemas of reports.
func schemas(t *testing.T) (report, line *jsonschema.Schema) {
	t.Helper()
	return published(t, "report-2.schema.json"), published(t, "line-2.schema.json")
}

// published compiles the published schema called name, with formats asserted.
// Schemas may refer to each other.
func published(t *testing.T, name string) *jsonschema.Schema {
	t.Helper()
	c := jsonschema.NewCompiler()
	c.AssertFormat()
	files, err := os.ReadDir("schema")
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		data, err := os.ReadFile("schema/" + f.Name())
		if err != nil {
			t.Fatal(err)
		}
		doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(data))
		if err != nil {
			t.Fatal(err)
		}
		if err := c.AddResource(f.Name(), doc); err != nil {
			t.Fatal(err)
		}
	}
	return c.MustCompile(name)
}

func validate(t *testing.T, schema *jsonschema.Schema, doc []byte) {
	t.Helper()
	v, err := jsonschema.UnmarshalJSON(bytes.NewReader(doc))
	if err != nil {
		t.Fatalf("%v in %s", err, doc)
	}
	if err := schema.Validate(v); err != nil {
		t.Errorf("%v", err)
	}
}

func TestJSONReportsFollowTheSchema(t *testing.T) {
	report, each := schemas(t)
	for _, c := range reports {
		t.Run(c.name, func(t *testing.T) {
			validate(t, report, write(t, JSON, c.res(), c.opts))
			lines := bytes.SplitAfter(write(t, JSONL, c.res(), c.opts), []byte("\n"))
			lines = lines[:len(lines)-1]
			for _, l := range lines {
				validate(t, each, l)
			}
			var last struct {
				Type     string
				Complete *bool
				Lines    int
			}
			if err := json.Unmarshal(lines[len(lines)-1], &last); err != nil {
				t.Fatal(err)
			}
			if last.Type != "summary" || last.Lines != len(lines) || last.Complete == nil || *last.Complete != c.res().Complete() {
				t.Errorf("the last of %d lines is %+v", len(lines), last)
			}
		})
	}
}

// TestSchemaIsClosed keeps the schemas from accepting what they do not name.
func TestSchemaIsClosed(t *testing.T) {
	for _, name := range []string{"report-2.schema.json", "line-2.schema.json", "recheck-1.schema.json"} {
		data, err := os.ReadFile("schema/" + name)
		if err != nil {
			t.Fatal(err)
		}
		var doc any
		if err := json.Unmarshal(data, &doc); err != nil {
			t.Fatal(err)
		}
		var walk func(at string, v any)
		walk = func(at string, v any) {
			switch v := v.(type) {
			case map[string]any:
				isObject := v["type"] == "object"
				if list, ok := v["type"].([]any); ok {
					for _, e := range list {
						isObject = isObject || e == "object"
					}
				}
				if _, closed := v["additionalProperties"]; isObject && !closed {
					t.Errorf("%s%s is open", name, at)
				}
				for k, e := range v {
					walk(at+"/"+k, e)
				}
			case []any:
				for _, e := range v {
					walk(at, e)
				}
			}
		}
		walk("", doc)
	}
}

func TestSchemaRefuses(t *testing.T) {
	report, _ := schemas(t)
	for _, c := range []struct{ name, old, new string }{
		{"a rejected candidate among the findings", `"confidence": "high"`, `"confidence": "rejected"`},
		{"an unknown field", `"in_head": true,`, `"in_head": true, "head": 1,`},
		{"null for an array", `"encoding": []`, `"encoding": null`},
		{"a short id", `"id": "`, `"id": "0`},
		{"a date that is none", `"2026-11-24T10:00:00Z"`, `"2026-13-24T10:00:00Z"`},
		{"an unknown reason", `"reason": "ignored"`, `"reason": "bored"`},
		{"a line 0", `"line": 42`, `"line": 0`},
		{"another version", `"schema_version": 2`, `"schema_version": 3`},
	} {
		doc := string(write(t, JSON, many(), Options{}))
		broken := strings.Replace(doc, c.old, c.new, 1)
		if broken == doc {
			t.Errorf("%s: %s is not in the report", c.name, c.old)
			continue
		}
		v, err := jsonschema.UnmarshalJSON(strings.NewReader(broken))
		if err != nil {
			t.Fatal(err)
		}
		if report.Validate(v) == nil {
			t.Errorf("%s: accepted", c.name)
		}
	}
}

// TestJSONIsHarmlessAndLossless writes hostile paths and reads them back.
func TestJSONIsHarmlessAndLossless(t *testing.T) {
	for _, f := range []Format{JSON, JSONL} {
		out := write(t, f, hostile(), Options{})
		for _, r := range strings.ReplaceAll(string(out), "\n", "") {
			if unicode.In(r, unicode.Cc, unicode.Cf, unicode.Zl, unicode.Zp) {
				t.Errorf("%v holds %U", f, r)
			}
		}
		for _, command := range []string{"##[", "##vso["} {
			if bytes.Contains(out, []byte(command)) {
				t.Errorf("%v holds %s", f, command)
			}
		}
	}
	var doc struct {
		Findings []findingRecord
	}
	if err := json.Unmarshal(write(t, JSON, hostile(), Options{}), &doc); err != nil {
		t.Fatal(err)
	}
	key := live(6)
	for i, o := range hostile().Findings[0].Listed {
		want := strings.Replace(o.Path, key.Reveal(), key.Redacted(), 1)
		rec := doc.Findings[0].Occurrences[i]
		got := *rec.Path
		if rec.PathBase64 != "" {
			raw, err := base64.StdEncoding.DecodeString(rec.PathBase64)
			if err != nil {
				t.Fatal(err)
			}
			got = string(raw)
		}
		if got != want {
			t.Errorf("path %d reads as %q, want %q", i, got, want)
		}
	}
}

// TestJSONMemberOrderIsFixed pins what a reader of a stream may rely on.
func TestJSONMemberOrderIsFixed(t *testing.T) {
	out := string(write(t, JSON, many(), Options{ShowRejected: true}))
	at := -1
	for _, member := range []string{"schema_version", "tool", "scan", "findings", "rejected", "skipped", "summary"} {
		next := strings.Index(out, "\n  \""+member+"\": ")
		if next <= at {
			t.Errorf("%s is not where it belongs", member)
		}
		at = next
	}
}

func TestOnlyTheClockMakesReportsDiffer(t *testing.T) {
	for f := range formats {
		first := write(t, Format(f), many(), Options{})
		for range 20 {
			if !bytes.Equal(first, write(t, Format(f), many(), Options{})) {
				t.Fatalf("%v: the same result gives different bytes", Format(f))
			}
		}
	}
}

func TestRecordsOfOddValues(t *testing.T) {
	for in, want := range map[float64]float64{math.NaN(): 0, math.Inf(1): 0, 1.23456: 1.2346, -1e-9: 0} {
		if got := round(in); got != want || math.Signbit(got) != math.Signbit(want) {
			t.Errorf("round(%v) = %v, want %v", in, got, want)
		}
	}
	if got := timestamp(clock.AddDate(9000, 0, 0)); got != nil {
		t.Errorf("a year of five digits is %s, want null", *got)
	}
	f := &finding.Finding{Secret: live(1), Issuer: ""}
	if rec := newRecorder(result(f), Options{}).finding(f); !slices.Contains(rec, member{"issuer", "unknown"}) {
		t.Errorf("no issuer is in %v", rec)
	}
}

func TestWhatATranscriptSaysIsInTheReport(t *testing.T) {
	report, _ := schemas(t)
	for _, tt := range []struct {
		said  finding.Transcript
		words string
	}{
		{finding.Transcript{Agent: "Claude Code"}, "Claude Code"},
		{finding.Transcript{Agent: "A", Project: "/x/" + live(3).Reveal(), Session: "s\x1b", Date: time.Date(2026, 1, 31, 0, 0, 0, 0, time.UTC), Author: finding.AuthorTool},
			"A, project /x/sk_live_…, session \"s\\x1b\", 2026-01-31, the result of a tool"},
		{finding.Transcript{Agent: "A", Author: finding.AuthorPerson}, "A, written by a person"},
		{finding.Transcript{Agent: "A", Author: finding.AuthorAgent}, "A, written by the agent"},
		{finding.Transcript{Agent: "A", Author: finding.AuthorRule}, "A, a permission rule"},
	} {
		f := &finding.Finding{Secret: live(1), RuleID: "unknown-secret-key", Confidence: finding.High,
			Listed: []finding.Occurrence{{Target: "/home/x", Source: finding.SourceWorktree, Path: "a.jsonl", Line: 1, Column: 1, EndColumn: 9, Transcript: &tt.said}}}
		res := &finding.Result{Findings: []*finding.Finding{f}, Targets: []finding.Target{{Name: "/home/x", Kind: finding.TargetFolder, Tree: true}}}
		doc := write(t, JSON, res, Options{})
		validate(t, report, doc)
		if bytes.Contains(doc, []byte(live(3).Reveal())) || !bytes.Contains(doc, []byte(`"agent": "`+tt.said.Agent+`"`)) {
			t.Errorf("%s", doc)
		}
		if got := newPhrases(res, Options{}).transcriptWords(&tt.said); got != tt.words {
			t.Errorf("%s, want %s", got, tt.words)
		}
	}
}
