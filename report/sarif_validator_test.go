package report

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"testing"
)

// validatorVariable names SARIF's own validator, Sarif.Multitool: make test
// installs it and sets the variable, and then it must be there.
const validatorVariable = "KEYSWEEP_SARIF_MULTITOOL"

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
	var files []string
	for _, c := range sarifReports() {
		name := c.name + ".sarif"
		if err := os.WriteFile(filepath.Join(dir, name), c.write(t), 0o666); err != nil {
			t.Fatal(err)
		}
		files = append(files, name)
	}
	for what, list := range map[string][]string{"every report": files, "a report with two mistakes": {mistaken(t, dir)}} {
		complaints := multitool(t, tool, dir, list)
		if what != "every report" {
			if len(complaints) == 0 {
				t.Errorf("%s: no complaint", what)
			}
			continue
		}
		for _, c := range complaints {
			t.Errorf("%s: %s", what, c)
		}
	}
}

// mistaken writes a report whose location has a raw space and whose rule is
// another's, to see that the validator would tell.
func mistaken(t *testing.T, dir string) string {
	t.Helper()
	var doc map[string]any
	if err := json.Unmarshal(write(t, SARIF, many(), Options{}), &doc); err != nil {
		t.Fatal(err)
	}
	result := doc["runs"].([]any)[0].(map[string]any)["results"].([]any)[0].(map[string]any)
	result["ruleIndex"] = 1
	result["locations"].([]any)[0].(map[string]any)["physicalLocation"].(map[string]any)["artifactLocation"].(map[string]any)["uri"] = "a b"
	data, err := json.Marshal(doc)
	if err == nil {
		err = os.WriteFile(filepath.Join(dir, "mistaken.sarif"), data, 0o666)
	}
	if err != nil {
		t.Fatal(err)
	}
	return "mistaken.sarif"
}

// multitool returns the errors and warnings on files. The tool's exit status
// is 0 whatever it finds: what it found is in its own SARIF file.
func multitool(t *testing.T, tool, dir string, files []string) []string {
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
				Message       struct{ Text string }
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
	var complaints []string
	for _, r := range log.Runs[0].Results {
		// A level that is left out is a warning.
		if r.Level != "note" && r.Level != "none" {
			at := ""
			if len(r.Locations) > 0 {
				at = r.Locations[0].PhysicalLocation.ArtifactLocation.URI
			}
			complaints = append(complaints, at+": "+r.RuleID+" "+r.Level+": "+r.Message.Text)
		}
	}
	return complaints
}
