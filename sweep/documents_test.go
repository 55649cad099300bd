package main

import (
	"io"
	"os"
	"regexp"
	"slices"
	"testing"

	"github.com/urfave/cli/v2"
)

func TestTheDocumentNamesOptionsThatExist(t *testing.T) {
	text, err := os.ReadFile("../docs/sweep.md")
	if err != nil {
		t.Fatal(err)
	}
	text = regexp.MustCompile("`docker [^`]*`").ReplaceAll(text, nil) // has options of its own
	app := (&program{stdout: io.Discard, stderr: io.Discard}).app()
	var known []string
	add := func(flags []cli.Flag) {
		for _, f := range flags {
			known = append(known, f.Names()...)
		}
	}
	add(app.Flags)
	for _, c := range app.Commands {
		add(c.Flags)
	}
	names := regexp.MustCompile("(?:^|[ `(|])--([a-z][a-z-]+)").FindAllStringSubmatch(string(text), -1)
	if len(names) < 10 {
		t.Error("it names", len(names))
	}
	for _, m := range names {
		if !slices.Contains(known, m[1]) {
			t.Errorf("it names --%s, which does not exist", m[1])
		}
	}
}
