package file

import "testing"

func TestABackslashBetweenFoldersIsRefused(t *testing.T) {
	const every = "linux darwin windows"
	for _, tt := range []struct {
		glob             string
		config, optionOn string // where it is accepted: in a configuration; as an option
	}{
		{`a/b/**`, every, every},
		{`a\b\**`, "", ""},
		{`a\b`, "", ""},
		{`a\`, "", ""},
		{`\.git`, "", ""},
		{`app/\[id\]/x`, every, every},
		{`\{a\,b\}\!\-\\`, every, every},
		{`a\*`, every, "linux darwin"},
		{`a\?b`, every, "linux darwin"},
		{`\\a`, every, every},
		{`\\\a`, "", ""},
		{``, every, every},
	} {
		config, option := "", ""
		for _, system := range []string{"linux", "darwin", "windows"} {
			if CheckGlob(system, tt.glob, false) == nil {
				config += " " + system
			}
			if CheckGlob(system, tt.glob, true) == nil {
				option += " " + system
			}
		}
		if trim := func(s string) string { return s[min(1, len(s)):] }; trim(config) != tt.config || trim(option) != tt.optionOn {
			t.Errorf("%s: in a configuration on%s, as an option on%s", tt.glob, config, option)
		}
	}
}
