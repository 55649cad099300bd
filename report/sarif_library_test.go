package report

import (
	"testing"

	"github.com/owenrumney/go-sarif/v3/pkg/report/v210/sarif"
)

// The library that most Go programs read SARIF with finds in each report what is in
// it. Its own Validate looks at what it would write, with an empty language, and
// refuses every file.
func TestALibraryReadsOurSARIF(t *testing.T) {
	for _, c := range sarifReports() {
		doc := c.write(t)
		log, err := sarif.FromBytes(doc)
		if err != nil {
			t.Fatal(c.name, err)
		}
		run, want := log.Runs[0], read(t, doc).Runs[0]
		if run.Tool.Driver.Name == nil || *run.Tool.Driver.Name != "keysweep" || len(run.Results) != len(want.Results) || len(run.Tool.Driver.Rules) != len(want.Tool.Driver.Rules) {
			t.Errorf("%s: %d results and %d rules", c.name, len(run.Results), len(run.Tool.Driver.Rules))
		}
		for i, r := range run.Results {
			at := r.Locations[0].PhysicalLocation
			w := want.Results[i].Locations[0].PhysicalLocation
			if *r.RuleID != want.Results[i].RuleID || *r.Message.Text != want.Results[i].Message.Text || *at.ArtifactLocation.URI != w.ArtifactLocation.URI || *at.Region.StartLine != w.Region.StartLine {
				t.Errorf("%s: result %d is %s in %s", c.name, i, *r.Message.Text, *at.ArtifactLocation.URI)
			}
		}
	}
}
