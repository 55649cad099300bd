package exceptions

import (
	"bytes"
	"slices"
	"strings"
	"testing"
)

func TestMarksAreReadAsTheyWereWritten(t *testing.T) {
	a, b := strings.Repeat("ab", 32), strings.Repeat("cd", 32)
	list := []Mark{{a, Accept, "a \"reason\" & <more>", "ü", "2026-12-31"}, {b, Skip, "", "", ""}}
	var out bytes.Buffer
	if err := WriteMarks(&out, list); err != nil {
		t.Fatal(err)
	}
	got, err := ReadMarks(out.Bytes())
	if err != nil || !slices.Equal(got, list) || !IsMarks(out.Bytes()) {
		t.Errorf("%v, %v:\n%s", got, err, out.Bytes())
	}
	// Of several for one key, the last counts; the prefix may be missing.
	got, err = ReadMarks([]byte(`{"keysweep_marks":1,"marks":[{"fingerprint":"` + a + `","decision":"skip"},{"fingerprint":"sha256:` + a + `","decision":"accept","reason":"r"}]}`))
	if err != nil || !slices.Equal(got, []Mark{{a, Accept, "r", "", ""}}) {
		t.Errorf("%v, %v", got, err)
	}
	// The page of a report writes ids.
	got, err = ReadMarks([]byte(`{"keysweep_marks":1,"marks":[{"fingerprint":"` + a + `","decision":"skip"},{"fingerprint":"` + a[:16] + `","decision":"accept","reason":"r"}]}`))
	if err != nil || !slices.Equal(got, []Mark{{a[:16], Accept, "r", "", ""}}) || !got[0].Names(a) || got[0].Names(b) {
		t.Errorf("%v, %v", got, err)
	}
	out.Reset()
	if err := WriteMarks(&out, nil); err != nil || !IsMarks(out.Bytes()) {
		t.Errorf("%v: %s", err, out.Bytes())
	}
	if got, err := ReadMarks(out.Bytes()); err != nil || got != nil {
		t.Errorf("%v, %v", got, err)
	}
}

func TestWhatIsNoMarkIsRefused(t *testing.T) {
	sum := strings.Repeat("ab", 32)
	for text, want := range map[string]string{
		"": "damaged", "{}": "version", `{"keysweep_marks":2,"marks":[]}`: "version", `{"keysweep_marks":1,"marks":[{}]}`: "no fingerprint",
		`{"keysweep_marks":1,"marks":[{"fingerprint":"` + sum[:15] + `","decision":"skip"}]}`: "no fingerprint",
		`{"keysweep_marks":1,"marks":[{"fingerprint":"` + sum + `","decision":"keep"}]}`:      "no decision",
		`{"keysweep_marks":1,"marks":[{"fingerprint":1}]}`:                                    "damaged",
	} {
		if got, err := ReadMarks([]byte(text)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, %v", text, got, err)
		}
	}
	for _, text := range []string{"", "{", `{"schema_version": 2}`, "[]"} {
		if IsMarks([]byte(text)) {
			t.Errorf("%s is taken for marks", text)
		}
	}
}

func FuzzReadMarks(f *testing.F) {
	f.Add([]byte(`{"keysweep_marks":1,"marks":[{"fingerprint":"sha256:` + strings.Repeat("ab", 32) + `","decision":"skip"}]}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		list, err := ReadMarks(text)
		if err != nil {
			return
		}
		for _, m := range list {
			if !IsFingerprint(m.Fingerprint) || m.Decision != Accept && m.Decision != Skip {
				t.Errorf("%+v", m)
			}
		}
	})
}
