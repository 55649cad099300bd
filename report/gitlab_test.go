package report

import (
	"bytes"
	"encoding/json"
	"os"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"
)

func TestGitLabReportsFollowItsSchema(t *testing.T) {
	data, err := os.Open("testdata/schema/gitlab-secret-detection-" + gitlabVersion + ".schema.json")
	if err != nil {
		t.Fatal(err)
	}
	defer data.Close()
	doc, err := jsonschema.UnmarshalJSON(data)
	if err != nil {
		t.Fatal(err)
	}
	c := jsonschema.NewCompiler()
	if err := c.AddResource("gitlab.json", doc); err != nil {
		t.Fatal(err)
	}
	schema, err := c.Compile("gitlab.json")
	if err != nil {
		t.Fatal(err)
	}
	check := func(name string, report []byte) {
		doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(report))
		if err != nil {
			t.Fatal(name, err)
		}
		if err := schema.Validate(doc); err != nil {
			t.Errorf("%s: %v\n%s", name, err, report)
		}
	}
	for _, c := range reports {
		check(c.name, write(t, GitLab, c.res(), c.opts))
	}
	check("markup", write(t, GitLab, withMarkup(strings.Repeat(hostileMarkup, 500)), Options{}))
}

func TestGitLabGetsWhatItUnderstands(t *testing.T) {
	res := incomplete(martis(), stripe())
	res.Findings[1].Suppressed = accepted()
	var doc struct {
		Scan struct {
			Status   string
			Messages []struct{ Level, Value string }
		}
		Vulnerabilities []struct {
			ID, Name, Severity string
			Location           struct {
				File   string
				Line   int `json:"start_line"`
				Commit struct{ SHA string }
			}
		}
	}
	if err := json.Unmarshal(write(t, GitLab, res, Options{ShowSecrets: true}), &doc); err != nil {
		t.Fatal(err)
	}
	if len(doc.Vulnerabilities) != 1 || doc.Scan.Status != "failure" || len(doc.Scan.Messages) < 2 {
		t.Fatalf("%+v", doc)
	}
	v := doc.Vulnerabilities[0]
	if v.ID != martis().Secret.ID() || v.Severity != "Critical" || v.Name != "Martis production key" || v.Location.File != "config/payment.go" || v.Location.Line != 42 || v.Location.Commit.SHA != id("3f") {
		t.Errorf("%+v", v)
	}
	said := false
	for _, m := range doc.Scan.Messages {
		said = said || m.Level == "info" && strings.HasPrefix(m.Value, "1 key accepted")
	}
	if !said {
		t.Errorf("the accepted key is not counted: %+v", doc.Scan.Messages)
	}
}
