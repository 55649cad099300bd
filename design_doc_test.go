package main

import (
	"maps"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

var quoted = regexp.MustCompile("`([^`]+)`")

// designSection returns a section of docs/design.md.
func designSection(t *testing.T, heading string) string {
	t.Helper()
	page, err := os.ReadFile(filepath.Join("docs", "design.md"))
	if err != nil {
		t.Fatal(err)
	}
	_, text, ok := strings.Cut(string(page), "\n## "+heading+"\n")
	if !ok {
		t.Fatalf("docs/design.md has no section %q", heading)
	}
	text, _, _ = strings.Cut(text, "\n## ")
	return text
}

// firstCells returns the first cell of each row of the tables in text.
func firstCells(text string) (cells []string) {
	for line := range strings.Lines(text) {
		if row, ok := strings.CutPrefix(line, "| "); ok {
			cell, _, _ := strings.Cut(row, " |")
			cells = append(cells, cell)
		}
	}
	return cells
}

func TestTheDesignPageListsThePackagesOfTheMap(t *testing.T) {
	listed := map[string]bool{}
	for _, cell := range firstCells(designSection(t, "Packages")) {
		folder := "" // of the first name, which those after it share
		for i, name := range quoted.FindAllStringSubmatch(cell, -1) {
			if i == 0 {
				folder = path.Dir(name[1])
				listed[name[1]] = true
			} else {
				listed[path.Join(folder, name[1])] = true
			}
		}
	}
	want := map[string]bool{}
	for name := range mayImport {
		want[strings.TrimPrefix(strings.Replace(name, "keysweep", "main", 1), "main/")] = true
	}
	for _, name := range slices.Sorted(maps.Keys(want)) {
		if !listed[name] {
			t.Errorf("docs/design.md does not list the package %s", name)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(listed)) {
		if !want[name] {
			t.Errorf("docs/design.md lists %s, which is not on the map in imports_test.go", name)
		}
	}
}

func TestTheFilesToReadInAnHourAreThere(t *testing.T) {
	n := 0
	for _, name := range quoted.FindAllStringSubmatch(designSection(t, "An hour with the code"), -1) {
		n++
		if _, err := os.Stat(filepath.FromSlash(name[1])); err != nil {
			t.Errorf("docs/design.md: %v", err)
		}
	}
	if n < 10 {
		t.Errorf("%d files", n)
	}
}

func TestTheDesignPageListsTheDependencies(t *testing.T) {
	file, err := os.ReadFile("go.mod")
	if err != nil {
		t.Fatal(err)
	}
	cells := strings.Join(firstCells(designSection(t, "Dependencies")), "\n")
	direct := regexp.MustCompile(`(?m)^\t(\S+) v\S+$`).FindAllStringSubmatch(string(file), -1) // indirect ones have a comment
	for _, m := range direct {
		name := strings.TrimPrefix(m[1], "github.com/")
		if part, ok := strings.CutPrefix(name, "golang.org/x/"); ok {
			name = part
		}
		if !strings.Contains(cells, name) {
			t.Errorf("docs/design.md does not say what %s is for", m[1])
		}
	}
	for _, name := range strings.FieldsFunc(cells, func(r rune) bool { return r == ',' || r == '\n' || r == ' ' }) {
		if name != "module" && !slices.ContainsFunc(direct, func(m []string) bool { return strings.HasSuffix(m[1], name) }) {
			t.Errorf("docs/design.md lists %s, which go.mod does not need directly", name)
		}
	}
	if len(direct) < 5 {
		t.Errorf("%d dependencies", len(direct))
	}
}
