package exceptions

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"strings"
)

// Marks are what a person decided about keys, as the page of a report saves them:
//
//	{"keysweep_marks": 1, "marks": [{"fingerprint": "611feaa5e5a6a8d1", "decision": "accept",
//	  "reason": "…", "owner": "…", "expires": "2026-12-31"}]}
type Marks struct {
	Version int    `json:"keysweep_marks"`
	Marks   []Mark `json:"marks"`
}

// Mark is a decision about a key: "accept", with a reason, or "skip".
type Mark struct {
	// Fingerprint is the SHA-256 of the whole key, in 64 hex digits, or the first 16
	// of them, the id; in a file perhaps behind "sha256:".
	Fingerprint string `json:"fingerprint"`
	Decision    string `json:"decision"`
	Reason      string `json:"reason"`
	Owner       string `json:"owner"`
	Expires     string `json:"expires"` // a day, or ""
}

// The decisions.
const (
	Accept = "accept"
	Skip   = "skip"
)

const marksVersion = 1

// IsMarks reports whether a file that begins with text has marks.
func IsMarks(text []byte) bool {
	return bytes.HasPrefix(bytes.TrimLeft(text, " \t\r\n{"), []byte(`"keysweep_marks"`))
}

// Names reports whether m is about the key with this fingerprint, of 64 digits.
func (m *Mark) Names(fingerprint string) bool { return strings.HasPrefix(fingerprint, m.Fingerprint) }

// ReadMarks reads marks. Of several for one key, the last counts.
func ReadMarks(text []byte) ([]Mark, error) {
	var m Marks
	if err := json.Unmarshal(text, &m); err != nil {
		return nil, errors.New("damaged: these are no marks of keysweep")
	}
	if m.Version != marksVersion {
		return nil, errors.New("marks of a version that this keysweep does not read")
	}
	at := make(map[string]int)
	var list []Mark
	for _, mark := range m.Marks {
		mark.Fingerprint = strings.TrimPrefix(mark.Fingerprint, "sha256:")
		if !IsFingerprint(mark.Fingerprint) || mark.Decision != Accept && mark.Decision != Skip {
			return nil, errors.New("damaged: a mark has no fingerprint or no decision")
		}
		id := mark.Fingerprint[:16]
		if i, ok := at[id]; ok {
			list[i] = mark
			continue
		}
		at[id] = len(list)
		list = append(list, mark)
	}
	return list, nil
}

// WriteMarks writes marks as ReadMarks reads them.
func WriteMarks(w io.Writer, list []Mark) error {
	m := Marks{Version: marksVersion, Marks: append([]Mark{}, list...)} // never null
	e := json.NewEncoder(w)
	e.SetIndent("", "  ")
	return e.Encode(m)
}
