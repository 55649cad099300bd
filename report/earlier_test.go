package report

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestAReportOfAnyFormatIsKnownAsOne(t *testing.T) {
	paths, err := filepath.Glob(filepath.Join("testdata", "*.golden"))
	if err != nil {
		t.Fatal(err)
	}
	scans := 0
	for _, path := range paths {
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		name := strings.TrimSuffix(filepath.Base(path), ".golden")
		if _, is := FormatOf(name); !is || strings.Contains(name, "recheck") || strings.Contains(name, "explain") || strings.Contains(name, "rules") {
			continue
		}
		scans++
		if is, err := IsReport(bytes.NewReader(text), int64(len(text))); err != nil || !is {
			t.Errorf("%s is not known: %v", name, err)
		}
	}
	if scans < 20 {
		t.Errorf("%d reports", scans)
	}
	for _, text := range []string{"", "\n", "package main\n", `{"name": "other"}`, "# keysweep\n", "type,id\n", "exit status 0\nand\nmore\n",
		"{\n  \"name\": \"keysweep\",\n  \"dependencies\": {}\n}\n", "building\nmake: *** exit status 2\n", "2 keys found in the door\nexit status 2\n"} {
		if is, err := IsReport(strings.NewReader(text), int64(len(text))); is || err != nil {
			t.Errorf("%q: %v, %v", text, is, err)
		}
	}
}
