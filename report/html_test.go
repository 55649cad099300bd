package report

import (
	"bytes"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"keysweep/finding"
)

// withoutPage takes the style, the script and their hashes out of a page, which
// are files of their own.
func withoutPage(page []byte) []byte {
	for _, part := range []markup{pageStyle, pageScript} {
		page = bytes.Replace(page, []byte(part), []byte("\n"), 1)
		page = bytes.Replace(page, []byte(strings.ReplaceAll(policyOf(part), "'", "&#39;")), []byte("HASH"), 1)
	}
	return page
}

// hostileMarkup ends what it may be in, and starts elements.
const hostileMarkup = `</title></style></script>--><img src=x onerror=a()>"'><b a='` + "`" + `]]>&lt;&#60;`

// withMarkup returns a report in which everything that others decide is s.
func withMarkup(s string) *finding.Result {
	f := martis()
	f.IssuerEvidence, f.Issuer, f.Encoding = []string{s}, s, []string{s}
	f.Status, f.StatusReason, f.FirstSeen.Author = finding.Unknown, s, s
	f.Listed = f.Listed[:1]
	f.Listed[0].Path, f.Listed[0].Inside, f.Listed[0].Excerpt = s, []string{s}, finding.Excerpt{Before: s, Key: s, After: s}
	accepted := stripe()
	accepted.Suppressed = &finding.Suppression{Kind: finding.KindConfig, Reason: s, Owner: s}
	turned := rejected()
	turned.RejectedFor = s
	res := result(f, accepted)
	res.RejectedFindings = []*finding.Finding{turned}
	res.Targets[0].Name, res.Targets[0].Notes = s, []string{s}
	res.Skipped = []finding.Skipped{{Reason: finding.ReasonDamaged, Count: 1, Detail: s}, {Reason: finding.ReasonExcluded, Count: 1, Detail: s}, {Reason: finding.Reason(s), Count: 1}}
	res.Exceptions = []finding.Exception{{Kind: finding.KindConfig, File: s, Entry: s, Problem: finding.ExceptionUnused}}
	res.Added = []finding.Exception{{Kind: finding.KindInline, File: s, Reason: s, Owner: s}}
	return res
}

func TestAPageHoldsNoMarkupOfOthers(t *testing.T) {
	quoted := regexp.MustCompile(`"[^"<>]*"`)
	skeleton := func(s string) []string {
		page := string(withoutPage(write(t, HTML, withMarkup(s), Options{ShowRejected: true, Verbose: true, Version: s, Program: s, Exit: ExitReason{Words: s, Status: 3},
			Next: []Step{{s, s}}, Links: &Links{Server: "https://" + s, Name: s, Commit: s}})))
		page = quoted.ReplaceAllString(page, `""`)
		return regexp.MustCompile(`<[^>]*>`).FindAllString(page, -1)
	}
	got, want := skeleton(hostileMarkup), skeleton("harmless")
	if !slices.Equal(got, want) {
		for i := range want {
			if i >= len(got) || got[i] != want[i] {
				t.Fatalf("element %d is %q, want %q", i, got[min(i, len(got)-1)], want[i])
			}
		}
		t.Fatalf("%d elements, want %d", len(got), len(want))
	}
}

func TestAPageLoadsNothingAndAllowsItsOwnStyleAndScriptAlone(t *testing.T) {
	page := string(write(t, HTML, many(), Options{}))
	for _, m := range []struct {
		name string
		part markup
	}{{"style", pageStyle}, {"script", pageScript}} {
		_, rest, _ := strings.Cut(page, "<"+m.name+">")
		body, _, _ := strings.Cut(rest, "</"+m.name+">")
		hash := strings.ReplaceAll(policyOf(markup(body)), "'", "&#39;")
		if markup(body) != m.part || !strings.Contains(page, m.name+"-src "+hash) {
			t.Errorf("the policy does not allow the %s", m.name)
		}
	}
	if !strings.Contains(page, `content="default-src 'none'; base-uri 'none'; form-action 'none'; style-src `) {
		t.Error("the policy allows more")
	}
	if found := regexp.MustCompile(` (style|on[a-z]+|src|srcset|action)=|url\(|@import|https?://|innerHTML|eval\(|localStorage`).FindString(page); found != "" {
		t.Errorf("the page holds %q", found)
	}
}

// Only a constant is markup: a conversion would make one of anything.
func TestNothingBecomesMarkup(t *testing.T) {
	files, err := os.ReadDir(".")
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		if text, _ := os.ReadFile(f.Name()); strings.HasSuffix(f.Name(), ".go") && !strings.HasSuffix(f.Name(), "_test.go") && bytes.Contains(text, []byte("markup(")) {
			t.Errorf("%s converts to markup", f.Name())
		}
	}
}

func TestTheTimelineIsWithinItsAxis(t *testing.T) {
	s := timeSpan{clock.Add(-100 * time.Hour), clock}
	for _, tt := range []struct {
		at   time.Time
		want float64
	}{{clock.Add(-100 * time.Hour), 0}, {clock.Add(-25 * time.Hour), 75}, {clock, 100}, {clock.AddDate(50, 0, 0), 100}, {time.Time{}, 0}} {
		if got := s.percent(tt.at); got != tt.want {
			t.Errorf("%v: %v, want %v", tt.at, got, tt.want)
		}
	}
	future, forged := martis(), stripe()
	future.FirstSeen.Date, forged.FirstSeen.Date = clock.AddDate(9, 0, 0), time.Unix(0, 0)
	if got := spanOf([]*finding.Finding{future, forged}, clock); got.begin != clock || got.end != clock {
		t.Errorf("dates that cannot be make the span %v", got)
	}
}

func TestAKeyThatWasRemovedHasTheDayInItsTimeline(t *testing.T) {
	page := string(write(t, HTML, result(stripe(), martis()), Options{}))
	for _, want := range []string{
		`aria-label="Timeline: first seen 2026-10-25, removed 2026-11-06, exposed 30 days"`, `<path class="removed"`,
		`aria-label="Timeline: first seen 2026-03-01, still in HEAD, exposed 268 days"`, `<path class="head" d="M0-7`,
		"<dd>30 days, in files for 12 days</dd>",
	} {
		if !strings.Contains(page, want) {
			t.Errorf("the page lacks %s", want)
		}
	}
}

func TestAcceptedKeysAreAtTheEndOfAPage(t *testing.T) {
	accepted := martis()
	accepted.Suppressed = &finding.Suppression{Kind: finding.KindBaseline, Reason: "known"}
	page := string(write(t, HTML, result(accepted, stripe()), Options{}))
	first, second := strings.Index(page, `<article class="key low"`), strings.Index(page, `<article class="key accepted"`)
	if first < 0 || second < first {
		t.Errorf("articles at %d and %d", first, second)
	}
}
