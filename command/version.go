package command

import (
	"encoding/json"
	"fmt"
	"runtime"
	"runtime/debug"
	"slices"
	"strings"

	"keysweep/quote"
)

// build says what this program was built from, as the Go command recorded it.
type build struct {
	Version  string `json:"version"` // "devel" if built from a folder without git's help
	Source   string `json:"source"`  // one of the sources below
	Commit   string `json:"commit"`  // "" if not recorded
	Date     string `json:"date"`    // of the commit, RFC 3339
	Modified bool   `json:"modified"`
	Go       string `json:"go"`
	OS       string `json:"os"`
	Arch     string `json:"arch"`
}

// The sources of a build.
const (
	fromRelease  = "release"
	fromModule   = "go install"
	fromCheckout = "checkout"
	fromFolder   = "folder" // or nothing is recorded
)

// buildVersion describes this program.
func buildVersion() build {
	info, _ := debug.ReadBuildInfo()
	return describeBuild(info)
}

// describeBuild returns what the Go command recorded in this program; info is
// nil if it recorded nothing.
func describeBuild(info *debug.BuildInfo) build {
	b := build{Version: "devel", Source: fromFolder, Go: runtime.Version(), OS: runtime.GOOS, Arch: runtime.GOARCH}
	if info == nil {
		return b
	}
	if v := info.Main.Version; v != "" && v != "(devel)" {
		b.Version = v
	}
	released := false
	for _, s := range info.Settings {
		switch s.Key {
		case "-tags": // make release sets one
			released = slices.Contains(strings.Split(s.Value, ","), "release")
		case "vcs.revision":
			b.Commit = s.Value
		case "vcs.time":
			b.Date = s.Value
		case "vcs.modified":
			b.Modified = s.Value == "true"
		}
	}
	switch {
	case info.Main.Sum != "":
		b.Source = fromModule
	case released && b.Commit != "" && !b.Modified:
		b.Source = fromRelease
	case b.Commit != "":
		b.Source = fromCheckout
	}
	return b
}

var versionSpec = spec{
	name: "version", purpose: "prints version, source, commit, Go and platform", example: "keysweep version --json",
	options: []group{{"", "json"}}, run: version, quick: true,
}

func version(c *call) error {
	if c.Args().Present() {
		return fmt.Errorf("version takes no path: %s", quote.Name(c.Args().First()))
	}
	b := buildVersion()
	if c.Bool("json") {
		out := json.NewEncoder(c.stdout)
		out.SetIndent("", "  ")
		return writing(out.Encode(b))
	}
	commit := "unknown"
	if b.Commit != "" {
		commit = b.Commit
		if b.Date != "" {
			commit += " of " + b.Date
		}
		if b.Modified {
			commit += ", with changes"
		}
	}
	// None of it comes from what is scanned, and to look for keys takes longer than the rest.
	_, err := fmt.Fprintf(c.stdout, "keysweep %s\nsource   %s\ncommit   %s\ngo       %s\nplatform %s/%s\n", b.Version, b.Source, commit, b.Go, b.OS, b.Arch)
	return writing(err)
}
