package command

import (
	"encoding/json"
	"fmt"
	"runtime"
	"runtime/debug"

	"keysweep/quote"
)

// build says what this program was built from, as the Go command recorded it.
type build struct {
	Version  string `json:"version"` // "devel" if built from a folder without git's help
	Commit   string `json:"commit"`  // "" if not recorded
	Date     string `json:"date"`    // of the commit, RFC 3339
	Modified bool   `json:"modified"`
	Go       string `json:"go"`
	OS       string `json:"os"`
	Arch     string `json:"arch"`
}

func buildVersion() build {
	b := build{Version: "devel", Go: runtime.Version(), OS: runtime.GOOS, Arch: runtime.GOARCH}
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return b
	}
	if v := info.Main.Version; v != "" && v != "(devel)" {
		b.Version = v
	}
	for _, s := range info.Settings {
		switch s.Key {
		case "vcs.revision":
			b.Commit = s.Value
		case "vcs.time":
			b.Date = s.Value
		case "vcs.modified":
			b.Modified = s.Value == "true"
		}
	}
	return b
}

var versionSpec = spec{
	name: "version", purpose: "prints version, commit, Go and platform", example: "keysweep version --json",
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
	return c.say(fmt.Sprintf("keysweep %s\ncommit   %s\ngo       %s\nplatform %s/%s\n", b.Version, commit, b.Go, b.OS, b.Arch))
}
