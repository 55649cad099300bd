package finding

import (
	"math/rand/v2"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestFindingsAreSortedWorstFirstFromAnyOrder(t *testing.T) {
	day := func(n int) Sighting { return Sighting{Commit: "c", Date: time.Unix(int64(n)*86400, 0)} }
	want := []*Finding{
		{RuleID: "active sandbox", Status: Active, Environment: Sandbox, Confidence: Medium},
		{RuleID: "in HEAD", Environment: Production, Confidence: High, InHead: Yes},
		{RuleID: "newer", Environment: Production, Confidence: High, FirstSeen: day(9)},
		{RuleID: "older", Environment: Production, Confidence: High, FirstSeen: day(8)},
		{RuleID: "medium", Environment: Production, Confidence: Medium},
		{RuleID: "sandbox", Environment: Sandbox, Confidence: High},
		{RuleID: "low", Environment: Sandbox, Confidence: Low},
	}
	for i, f := range want {
		f.Secret = NewSecret("sk_"+"test_", string(rune('a'+i)))
	}
	for seed := range uint64(20) {
		res := Result{Findings: append([]*Finding{}, want...)}
		rand.New(rand.NewPCG(seed, 0)).Shuffle(len(want), func(i, j int) {
			res.Findings[i], res.Findings[j] = res.Findings[j], res.Findings[i]
		})
		res.Sort()
		for i, f := range res.Findings {
			if f != want[i] {
				t.Fatalf("place %d is %s, want %s", i, f.RuleID, want[i].RuleID)
			}
		}
	}
}

func TestSkippedIsCountedTogetherAndSortedIncompleteFirst(t *testing.T) {
	var list []Skipped
	for _, s := range []Skipped{
		{Reason: ReasonIgnored, Count: 2, Detail: ""}, {Reason: ReasonMissing, Count: 1, Detail: "b"}, {Reason: ReasonMissing, Count: 1, Detail: "a"}, {Reason: ReasonIgnored, Count: 3, Detail: ""}, {Reason: ReasonMissing, Count: 4, Detail: "a"},
	} {
		list = AddSkipped(list, s)
	}
	res := Result{Skipped: list}
	if res.Complete() {
		t.Error("complete with missing objects")
	}
	res.Sort()
	want := []Skipped{{Reason: ReasonMissing, Count: 5, Detail: "a"}, {Reason: ReasonMissing, Count: 1, Detail: "b"}, {Reason: ReasonIgnored, Count: 5, Detail: ""}}
	if diff := cmp.Diff(want, res.Skipped); diff != "" {
		t.Error(diff)
	}
	if res.Skipped = want[2:]; !res.Complete() {
		t.Error("incomplete with ignored files")
	}
}

func TestOccurrencesStartWhereAReaderCanLook(t *testing.T) {
	want := []Occurrence{
		{Path: "tree", Source: SourceWorktree},
		{Path: "tree", Inside: []string{"a", "b"}, Source: SourceWorktree},
		{Path: "tree", Inside: []string{"b"}, Source: SourceWorktree},
		{Path: "head", Source: SourceBlob, Object: "1", InHead: Yes, Reachable: Yes},
		{Path: "new", Source: SourceBlob, Object: "1", Reachable: Yes, Date: time.Unix(9, 0)},
		{Path: "old", Source: SourceBlob, Object: "1", Reachable: Yes, Date: time.Unix(8, 0)},
		{Path: "lost", Source: SourceBlob, Object: "1", Date: time.Unix(10, 0)},
	}
	got := []Occurrence{want[6], want[4], want[2], want[1], want[0], want[5], want[3]}
	SortOccurrences(got)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestSeverity(t *testing.T) {
	for _, c := range []struct {
		f    Finding
		want Severity
	}{
		{Finding{Environment: Production, Confidence: High}, SeverityCritical},
		{Finding{Environment: Production, Confidence: Medium}, SeverityHigh},
		{Finding{Environment: Production, Confidence: Low}, SeverityMedium},
		{Finding{Environment: Sandbox, Confidence: High}, SeverityMedium},
		{Finding{Environment: Sandbox, Confidence: Medium}, SeverityLow},
		{Finding{Environment: Production, Confidence: Low, Status: Active}, SeverityCritical},
		{Finding{Environment: Sandbox, Confidence: Low, Status: Restricted}, SeverityHigh},
		{Finding{Environment: Production, Confidence: High, Status: Inactive}, SeverityLow},
		{Finding{Environment: Production, Confidence: High, Status: Unknown}, SeverityCritical},
	} {
		if got := c.f.Severity(); got != c.want {
			t.Errorf("%v %v %v is %v, want %v", c.f.Status, c.f.Environment, c.f.Confidence, got, c.want)
		}
	}
}
