package report

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"regexp"
	"strings"
	"time"

	"keysweep/file"
	"keysweep/finding"
)

// Earlier is what a JSON report of an earlier scan says, as far as it is
// needed to look for its keys again.
type Earlier struct {
	Started  time.Time
	Targets  []finding.Target
	Keys     []EarlierKey // in the order of the report
	Complete bool         // the scan read everything, and the report says so
}

// IsReport reports whether a file of a size in bytes starts and ends as the report of
// a scan, in any format. The error is that of reading it.
func IsReport(file io.ReaderAt, size int64) (bool, error) {
	var ends [2][1024]byte
	var text [2][]byte
	for i, at := range []int64{0, max(0, size-int64(len(ends[1])))} {
		n, err := file.ReadAt(ends[i][:], at)
		if err != nil && err != io.EOF {
			return false, err
		}
		text[i] = ends[i][:n]
	}
	start, end := text[0], bytes.TrimRight(text[1], "\r\n")
	switch {
	case bytes.HasPrefix(start, []byte("{")):
		return regexp.MustCompile(`"(tool|driver|analyzer)":\s*\{\s*"(name|id)":\s*"keysweep"`).Match(start), nil
	case bytes.HasPrefix(start, []byte(strings.Join(csvColumns[:4], ","))), bytes.HasPrefix(start, []byte("## keysweep: ")):
		return true, nil
	}
	if bytes.HasPrefix(start, []byte("<?xml")) {
		return bytes.Contains(start, []byte(`<testsuite name="keysweep"`)), nil
	}
	if page, ok := bytes.CutPrefix(start, []byte("<!DOCTYPE html>")); ok {
		return bytes.Contains(page, []byte("<title>"+titleStart)), nil
	}
	// Text begins with the verdict, and ends in the exit status, which may be two lines.
	const style = `(\x1b\[[\d;]*m)?`
	return regexp.MustCompile(`^`+style+`(No keys |Nothing |[\d,]+ keys? found)`).Match(start) &&
		regexp.MustCompile(`\n`+style+`exit status \d+: .*(\n.+)?$`).Match(end), nil
}

// EarlierKey is a finding of an earlier report. Finding.Secret is empty: a
// report does not hold keys.
type EarlierKey struct {
	SHA256   string // of the whole key, lower-case hex
	Redacted string // as the report shows it; see redactedAgain
	Finding  finding.Finding
}

// earlierReport has the members of a report that are read again. Null is the
// zero value.
type earlierReport struct {
	SchemaVersion int `json:"schema_version"`
	Tool          struct{ Name string }
	Scan          once[*struct {
		Started  string
		Complete once[bool]
		Targets  once[[]struct {
			finding.Target
			NameBase64 string `json:"name_base64"`
		}]
	}]
	Findings once[*[]earlierFinding]
}

// once is a member that must not occur twice: readers disagree on which counts.
type once[T any] struct {
	value T
	there bool
}

var errTwice = errors.New("a member of it occurs twice")

func (o *once[T]) UnmarshalJSON(text []byte) error {
	if o.there {
		return errTwice
	}
	o.there = true
	return json.Unmarshal(text, &o.value)
}

type earlierFinding struct {
	Issuer, Environment, Confidence, Secret, Status string

	RuleID         string          `json:"rule_id"`
	IssuerEvidence []string        `json:"issuer_evidence"`
	IssuerStrength string          `json:"issuer_strength"`
	SecretSHA256   once[string]    `json:"secret_sha256"`
	StatusReason   string          `json:"status_reason"`
	CheckedAt      string          `json:"checked_at"`
	FirstSeen      earlierSighting `json:"first_seen"`
	LastSeen       earlierSighting `json:"last_seen"`
	ExposedDays    *int64          `json:"exposed_days"`
	InHead         *bool           `json:"in_head"`
}

type earlierSighting struct{ Commit, Date string }

// maxReport limits what ReadEarlier reads: a report of 100 000 findings has
// about 100 MB.
const maxReport = 1 << 30

// ReadEarlier reads the JSON report of a scan. Errors say what is wrong with
// it; they hold nothing of its content.
func ReadEarlier(r io.Reader) (*Earlier, error) {
	var doc earlierReport
	dec := json.NewDecoder(io.LimitReader(file.TextReader(r, maxReport), maxReport))
	err := dec.Decode(&doc)
	syntax, isSyntax := errors.AsType[*json.SyntaxError](err)
	_, isKind := errors.AsType[*json.UnmarshalTypeError](err)
	isReport := doc.Tool.Name == "keysweep" && doc.Scan.value != nil && doc.Findings.value != nil
	switch {
	case errors.Is(err, errTwice):
		return nil, errTwice
	case isSyntax:
		return nil, fmt.Errorf("it is not JSON (byte %d)", syntax.Offset)
	case errors.Is(err, io.EOF):
		return nil, errors.New("it is empty")
	case errors.Is(err, io.ErrUnexpectedEOF):
		return nil, errors.New("it ends in the middle")
	case doc.Tool.Name == "keysweep" && (doc.SchemaVersion < 0 || doc.SchemaVersion > SchemaVersion):
		return nil, fmt.Errorf("it has schema version %d; this keysweep reads versions 1 to %d", doc.SchemaVersion, SchemaVersion)
	case err != nil && !isKind && !isReport:
		return nil, err
	case err != nil, !isReport, doc.SchemaVersion == 0:
		return nil, errors.New("it is not a JSON report of keysweep scan (-f json, or -o FILE.json)")
	case dec.More():
		return nil, errors.New("something follows its end")
	}
	scan := doc.Scan.value
	e := &Earlier{Started: parseTimestamp(scan.Started), Complete: scan.Complete.value}
	for _, t := range scan.Targets.value {
		t.Name, t.Notes = untwin(t.Name, t.NameBase64), nil
		e.Targets = append(e.Targets, t.Target)
	}
	for _, f := range *doc.Findings.value {
		sum := f.SecretSHA256.value
		if len(sum) != 64 || strings.Trim(sum, "0123456789abcdef") != "" {
			return nil, errors.New("a finding in it has no secret_sha256")
		}
		e.Keys = append(e.Keys, EarlierKey{SHA256: sum, Redacted: redactedAgain(f.Secret), Finding: f.earlier()})
	}
	return e, nil
}

// maxTail is how many characters after the ellipsis a report shows, maxPrefix
// how many bytes of a whole key may be its prefix.
const maxTail, maxPrefix = 4, 12

// redactedAgain returns a report's secret as reports show it: a person may have
// kept what --show-secrets printed.
func redactedAgain(secret string) string {
	prefix, tail, ok := strings.Cut(secret, ellipsis)
	if ok && len(tail) <= maxTail {
		return secret
	}
	if !ok {
		prefix = prefix[:strings.LastIndex(prefix[:min(len(prefix), maxPrefix)], "_")+1]
	}
	return prefix + ellipsis
}

// earlier returns what is needed of a finding's record.
func (f *earlierFinding) earlier() finding.Finding {
	e := finding.Finding{
		RuleID: f.RuleID, Issuer: f.Issuer, IssuerEvidence: f.IssuerEvidence, InHead: answer(f.InHead), StatusReason: f.StatusReason,
		FirstSeen: f.FirstSeen.earlier(), LastSeen: f.LastSeen.earlier(), CheckedAt: parseTimestamp(f.CheckedAt),
		Environment:    named(f.Environment, finding.EnvironmentUnknown, finding.Production),
		Confidence:     named(f.Confidence, finding.Rejected, finding.High),
		Status:         named(f.Status, finding.Unchecked, finding.Active),
		IssuerStrength: named(f.IssuerStrength, finding.StrengthNone, finding.StrengthUser),
	}
	if n := f.ExposedDays; n != nil && *n >= 0 && *n < maxDays {
		e.Exposed = max(time.Duration(*n)*24*time.Hour, time.Second)
	}
	return e
}

// answer reads an answer: null is one that is not known.
func answer(b *bool) finding.Answer { return finding.AnswerOf(b != nil && *b, b != nil) }

// named returns the value from first to last that is called name, or first.
func named[T interface {
	~uint8
	fmt.Stringer
}](name string, first, last T) T {
	for v := first; v <= last; v++ {
		if v.String() == name {
			return v
		}
	}
	return first
}

// maxDays is more than a duration is asked to hold.
const maxDays = 100_000

func (s earlierSighting) earlier() finding.Sighting {
	if strings.Trim(s.Commit, "0123456789abcdef") != "" || len(s.Commit) != 40 && len(s.Commit) != 64 {
		return finding.Sighting{}
	}
	return finding.Sighting{Commit: s.Commit, Date: parseTimestamp(s.Date)}
}

// untwin returns the bytes of a string of a report, which its twin holds if
// JSON cannot.
func untwin(s, twin string) string {
	if b, err := base64.StdEncoding.DecodeString(twin); err == nil && twin != "" {
		return string(b)
	}
	return s
}

// parseTimestamp is the inverse of timestamp: zero if s is no time.
func parseTimestamp(s string) time.Time {
	t, _ := time.Parse(time.RFC3339, s)
	return t
}
