package config

import (
	"fmt"
	"runtime"
	"strings"

	"github.com/bmatcuk/doublestar/v4"

	"keysweep/exceptions"
	"keysweep/file"
	"keysweep/toml"
)

// allowArray is the name of the tables of exceptions.
const allowArray = "allow"

// allowTable is an [[allow]].
type allowTable struct {
	Fingerprint string `toml:"fingerprint"`
	Path        string `toml:"path"`
	Reason      string `toml:"reason"`
	Owner       string `toml:"owner"`
	Expires     any    `toml:"expires"` // a local date, or the same as a string
}

// Parse reads the bytes of a configuration called name: of the index or of
// another commit, too. Its rules are checked by rules.Load. An error says line and
// column.
func Parse(name string, text []byte) (*Config, error) {
	c := &Config{Path: name, text: text}
	var top struct {
		Allow []allowTable `toml:"allow"`
	}
	keys, err := toml.Decode(text, &top, func(key string) bool { return key != allowArray })
	if err != nil {
		return nil, err
	}
	for n := range top.Allow {
		at := func(key string) toml.Position { return keys.At(fmt.Sprintf("%s[%d].%s", allowArray, n, key)) }
		a, key, reason := top.Allow[n].allow()
		if reason != "" {
			return nil, &toml.Error{Position: at(key), Reason: reason}
		}
		a.Line = at("").Line
		c.allows = append(c.allows, a)
	}
	return c, nil
}

// allow checks a table. A reason says what is wrong with key.
func (t *allowTable) allow() (a exceptions.Allow, key, reason string) {
	a = exceptions.Allow{Fingerprint: t.Fingerprint, Path: t.Path, Reason: strings.TrimSpace(t.Reason), Owner: strings.TrimSpace(t.Owner)}
	switch {
	case t.Fingerprint == "" && t.Path == "":
		return a, "", "an [[allow]] needs a fingerprint or a path"
	case t.Fingerprint != "" && !exceptions.IsFingerprint(t.Fingerprint):
		return a, "fingerprint", "a fingerprint is the id of a key, 16 hex digits, or its secret_sha256, 64, in lower case"
	case t.Path != "" && !doublestar.ValidatePattern(t.Path):
		return a, "path", fmt.Sprintf("%q is not a glob", t.Path)
	case file.CheckGlob(runtime.GOOS, t.Path, false) != nil:
		return a, "path", fmt.Sprintf("%q: %v", t.Path, file.ErrBackslash)
	case strings.HasPrefix(t.Path, "/") || strings.HasPrefix(t.Path, "./") || strings.HasPrefix(t.Path, "../"):
		return a, "path", "a path is a glob from the top of the repository, as testdata/**"
	case strings.HasSuffix(t.Path, "/"):
		return a, "path", fmt.Sprintf("no file matches %q (%s** is all that is below)", t.Path, t.Path)
	case a.Reason == "":
		return a, "reason", "an [[allow]] needs a reason"
	}
	if t.Expires == nil {
		return a, "", ""
	}
	word, ok := t.Expires.(string)
	if date, isDate := t.Expires.(toml.LocalDate); isDate {
		word, ok = string(date), true
	}
	var err error
	if a.Expires, err = exceptions.ParseExpires(word); !ok || err != nil {
		return a, "expires", "expires is a day, as 2026-01-31"
	}
	return a, "", ""
}
