package command

import (
	"runtime/debug"
	"testing"
)

func TestAVersionSaysWhereItCameFrom(t *testing.T) {
	revision := debug.BuildSetting{Key: "vcs.revision", Value: "0123456789abcdef"}
	changed := debug.BuildSetting{Key: "vcs.modified", Value: "true"}
	released := debug.BuildSetting{Key: "-tags", Value: "urfave_cli_no_docs,release"}
	tagged := debug.Module{Version: "v1.2.3"}
	for name, test := range map[string]struct {
		info            *debug.BuildInfo
		version, source string
	}{
		"nothing is recorded":            {nil, "devel", fromFolder},
		"a folder without git":           {&debug.BuildInfo{Main: debug.Module{Version: "(devel)"}}, "devel", fromFolder},
		"a folder, with the release tag": {&debug.BuildInfo{Settings: []debug.BuildSetting{released}}, "devel", fromFolder},
		"a checkout":                     {&debug.BuildInfo{Main: tagged, Settings: []debug.BuildSetting{revision}}, "v1.2.3", fromCheckout},
		"a checkout with changes":        {&debug.BuildInfo{Main: tagged, Settings: []debug.BuildSetting{revision, changed}}, "v1.2.3", fromCheckout},
		"a release":                      {&debug.BuildInfo{Main: tagged, Settings: []debug.BuildSetting{released, revision}}, "v1.2.3", fromRelease},
		"the release tag, with changes":  {&debug.BuildInfo{Main: tagged, Settings: []debug.BuildSetting{released, revision, changed}}, "v1.2.3", fromCheckout},
		"go install from an address":     {&debug.BuildInfo{Main: debug.Module{Version: "v1.2.3", Sum: "h1:x"}}, "v1.2.3", fromModule},
		"another tag that ends the same": {&debug.BuildInfo{Main: tagged, Settings: []debug.BuildSetting{{Key: "-tags", Value: "prerelease"}, revision}}, "v1.2.3", fromCheckout},
	} {
		if b := describeBuild(test.info); b.Version != test.version || b.Source != test.source {
			t.Errorf("%s: %q from %q, want %q from %q", name, b.Version, b.Source, test.version, test.source)
		}
	}
}
