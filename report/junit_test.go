package report

import (
	"encoding/xml"
	"strings"
	"testing"

	"keysweep/finding"
)

// junit is what a reader of the format sees.
type junit struct {
	XMLName xml.Name `xml:"testsuites"`
	Suites  []struct {
		Tests    int `xml:"tests,attr"`
		Failures int `xml:"failures,attr"`
		Errors   int `xml:"errors,attr"`
		Skipped  int `xml:"skipped,attr"`
		Cases    []struct {
			Name    string `xml:"name,attr"`
			Failure *struct {
				Type    string `xml:"type,attr"`
				Message string `xml:"message,attr"`
				Text    string `xml:",chardata"`
			} `xml:"failure"`
			Skipped *struct {
				Message string `xml:"message,attr"`
			} `xml:"skipped"`
		} `xml:"testcase"`
	} `xml:"testsuite"`
}

func accepted() *finding.Suppression {
	return &finding.Suppression{Kind: finding.KindBaseline, Reason: "a <sample>"}
}

func readJUnit(t *testing.T, res *finding.Result, opts Options) junit {
	t.Helper()
	var doc junit
	if err := xml.Unmarshal(write(t, JUnit, res, opts), &doc); err != nil {
		t.Fatal(err)
	}
	return doc
}

func TestJUnitCountsWhatItHolds(t *testing.T) {
	for _, c := range reports {
		suite := readJUnit(t, c.res(), c.opts).Suites[0]
		failures, skipped := 0, 0
		for _, test := range suite.Cases {
			if test.Failure != nil {
				failures++
			}
			if test.Skipped != nil {
				skipped++
			}
		}
		if suite.Tests != len(suite.Cases) || suite.Failures != failures || suite.Skipped != skipped || suite.Errors != 0 {
			t.Errorf("%s: %+v", c.name, suite)
		}
		if (suite.Cases[0].Failure != nil) == c.res().Complete() {
			t.Errorf("%s: that everything was read fails: %v", c.name, suite.Cases[0].Failure)
		}
	}
}

func TestJUnitSaysWhatAKeyIsAndWhatToDo(t *testing.T) {
	res := result(martis(), stripe())
	res.Findings[1].Suppressed = accepted()
	cases := readJUnit(t, res, Options{ShowSecrets: true}).Suites[0].Cases
	key, skipped := cases[1].Failure, cases[2].Skipped
	if key == nil || key.Type != "critical" || key.Message != "Martis production key, high confidence, still in HEAD" || !strings.Contains(key.Text, "in config/payment.go:42") || !strings.Contains(key.Text, firstStep) {
		t.Errorf("%+v", key)
	}
	if skipped == nil || skipped.Message != "accepted by the baseline: a <sample>" {
		t.Errorf("%+v", skipped)
	}
	if name := cases[1].Name; strings.Contains(name, martis().Secret.Reveal()) || !strings.HasSuffix(name, " in config/payment.go:42") {
		t.Error(name)
	}
}

func TestXMLHoldsNoMarkupOfOthers(t *testing.T) {
	got, want := readJUnit(t, withMarkup(hostileMarkup), Options{}), readJUnit(t, withMarkup("harmless"), Options{})
	if len(got.Suites) != 1 || len(got.Suites[0].Cases) != len(want.Suites[0].Cases) || !strings.Contains(got.Suites[0].Cases[1].Failure.Text, hostileMarkup[:40]) {
		t.Errorf("%+v", got)
	}
}
