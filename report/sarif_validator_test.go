package report

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
)

// validatorVariable names SARIF's own validator, Sarif.Multitool: make test
// installs it and sets the variable, and then it must be there.
const validatorVariable = "KEYSWEEP_SARIF_MULTITOOL"

// runsOfFile is how many runs GitHub takes in a file.
const runsOfFile = 20

// TestSARIFSatisfiesTheValidator runs the rules of the standard's authors, and
// those for GitHub, over every report.
func TestSARIFSatisfiesTheValidator(t *testing.T) {
	tool := os.Getenv(validatorVariable)
	if tool == "" {
		if runtime.GOOS != "linux" {
			t.Skip("the validator is installed on Linux only")
		}
		tool = "../bin/sarif-multitool/node_modules/@microsoft/sarif-multitool-linux/Sarif.Multitool"
		if _, err := os.Stat(tool); err != nil {
			t.Skip("make test installs the validator")
		}
	}
	tool, err := filepath.Abs(tool)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	// The validator takes long over each file, whatever is in it, so a file holds
	// the runs of many reports.
	var files, names []string
	for list := range slices.Chunk(sarifReports(), runsOfFile) {
		var all map[string]any
		var runs []any
		for _, c := range list {
			var doc map[string]any
			if err := json.Unmarshal(c.write(t), &doc); err != nil {
				t.Fatal(err)
			}
			if all == nil {
				all = doc
			}
			if doc["$schema"] != all["$schema"] || doc["version"] != all["version"] || len(doc) != 3 {
				t.Errorf("%s differs from the others outside of its run", c.name)
			}
			runs = append(runs, doc["runs"].([]any)...)
			names = append(names, c.name)
		}
		all["runs"] = runs
		files = append(files, fmt.Sprintf("%d.sarif", len(files)))
		put(t, filepath.Join(dir, files[len(files)-1]), all)
	}
	const wrong = "mistakes.sarif"
	put(t, filepath.Join(dir, wrong), mistaken(t))
	complaints := multitool(t, tool, dir, append(files, wrong))
	if len(complaints[wrong]) == 0 {
		t.Errorf("no complaint about a report with two mistakes")
	}
	delete(complaints, wrong)
	for file, list := range complaints {
		t.Errorf("%s:\n%s", file, strings.Join(list, "\n"))
	}
	if t.Failed() {
		t.Logf("%d runs a file, of the reports %q", runsOfFile, names)
	}
}

// put writes a document.
func put(t *testing.T, path string, doc any) {
	t.Helper()
	data, err := json.Marshal(doc)
	if err == nil {
		err = os.WriteFile(path, data, 0o666)
	}
	if err != nil {
		t.Fatal(err)
	}
}

// mistaken returns a report whose location has a raw space and whose rule is
// another's, to see that the validator reports them.
func mistaken(t *testing.T) any {
	t.Helper()
	var doc map[string]any
	if err := json.Unmarshal(write(t, SARIF, many(), Options{}), &doc); err != nil {
		t.Fatal(err)
	}
	result := doc["runs"].([]any)[0].(map[string]any)["results"].([]any)[0].(map[string]any)
	result["ruleIndex"] = 1
	result["locations"].([]any)[0].(map[string]any)["physicalLocation"].(map[string]any)["artifactLocation"].(map[string]any)["uri"] = "a b"
	return doc
}

// multitool returns the errors and warnings on files, by file. The tool's exit
// status is 0 whatever it finds: what it found is in its own SARIF file.
func multitool(t *testing.T, tool, dir string, files []string) map[string][]string {
	t.Helper()
	args := append([]string{"validate"}, files...)
	args = append(args, "--rule-kind", "Sarif;Ghas", "--level", "Error;Warning", "--output", "out.sarif", "--log", "ForceOverwrite")
	cmd := exec.Command(tool, args...)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "DOTNET_SYSTEM_GLOBALIZATION_INVARIANT=1", "DOTNET_BUNDLE_EXTRACT_BASE_DIR="+t.TempDir())
	said, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, said)
	}
	data, err := os.ReadFile(filepath.Join(dir, "out.sarif"))
	if err != nil {
		t.Fatalf("%v\n%s", err, said)
	}
	var log struct {
		Runs []struct {
			Results []struct {
				RuleID, Level string
				Message       struct{ Arguments []string }
				Locations     []struct {
					PhysicalLocation struct{ ArtifactLocation struct{ URI string } }
				}
			}
			Invocations []struct{ ExecutionSuccessful bool }
			Artifacts   []any
		}
	}
	if err := json.Unmarshal(data, &log); err != nil {
		t.Fatal(err)
	}
	if len(log.Runs) != 1 || len(log.Runs[0].Invocations) != 1 || !log.Runs[0].Invocations[0].ExecutionSuccessful {
		t.Fatalf("the validator did not run to its end:\n%s", said)
	}
	complaints := map[string][]string{}
	for _, r := range log.Runs[0].Results {
		// A level that is left out is a warning.
		if r.Level != "note" && r.Level != "none" {
			at := ""
			if len(r.Locations) > 0 {
				at = r.Locations[0].PhysicalLocation.ArtifactLocation.URI
				at = path.Base(at)
			}
			complaints[at] = append(complaints[at], r.RuleID+" "+r.Level+": "+strings.Join(r.Message.Arguments, ", "))
		}
	}
	return complaints
}
