package config

import (
	"errors"
	"fmt"
	"regexp"
	"strings"
	"sync"
	"time"
	"unicode/utf8"

	"github.com/BurntSushi/toml"
	"github.com/bmatcuk/doublestar/v4"

	"keysweep/exceptions"
	"keysweep/file"
	"keysweep/rules"
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
// another commit, too. What it says of rules is looked at by rules.Load. An
// error names file, line and column.
func Parse(name string, text []byte) (*Config, error) {
	c := &Config{Path: name, text: text}
	fail := func(line, col int, reason string) (*Config, error) {
		return nil, fmt.Errorf("configuration %s: line %d, column %d: %s", name, line, col, reason)
	}
	if len(text) > maxSize {
		return nil, fmt.Errorf("configuration %s: %w", name, file.TooLarge(maxSize))
	}
	if !utf8.Valid(text) {
		return fail(1, 1, "not UTF-8")
	}
	var all map[string]any
	if _, err := toml.Decode(string(text), &all); err != nil {
		var syntax toml.ParseError
		if !errors.As(err, &syntax) {
			return fail(1, 1, err.Error())
		}
		return fail(max(syntax.Position.Line, 1), max(syntax.Position.Col, 1), syntax.Message)
	}
	var top struct {
		Allow []toml.Primitive `toml:"allow"`
	}
	at := func(n int, key string) (line, col int) {
		return rules.KeyPosition(string(text), allowArray, n, key)
	}
	meta, err := toml.Decode(string(text), &top)
	if err != nil {
		line, col := rules.KeyPosition(string(text), allowArray, -1, "")
		return fail(line, col, "[[allow]] must be an array of tables")
	}
	tables := make([]allowTable, len(top.Allow))
	for n, p := range top.Allow {
		if err := meta.PrimitiveDecode(p, &tables[n]); err != nil {
			key, reason := typeError(err)
			line, col := at(n, key)
			return fail(line, col, reason)
		}
	}
	// A misspelt key first: what it would have said is missing, too.
	for _, k := range meta.Undecoded() {
		if k[0] != allowArray || len(k) == 1 {
			continue
		}
		for n := range tables {
			line, col := at(n, strings.Join(k[1:], "."))
			if header, _ := at(n, ""); line > header {
				return fail(line, col, fmt.Sprintf("unknown key %q", strings.Join(k, ".")))
			}
		}
	}
	for n := range tables {
		a, key, reason := tables[n].allow()
		if reason != "" {
			line, col := at(n, key)
			return fail(line, col, reason)
		}
		a.Line, _ = at(n, "")
		c.allows = append(c.allows, a)
	}
	return c, nil
}

// typeErrorWords finds key and reason in the messages of the toml package.
var typeErrorWords = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`\(last key "allow\.([^"]*)"\): (.*)`) })

func typeError(err error) (key, reason string) {
	if m := typeErrorWords().FindStringSubmatch(err.Error()); m != nil {
		return m[1], m[1] + ": " + m[2]
	}
	return "", strings.TrimPrefix(err.Error(), "toml: ")
}

// allow checks a table. A reason says what is wrong with key.
func (t *allowTable) allow() (a exceptions.Allow, key, reason string) {
	a = exceptions.Allow{Fingerprint: t.Fingerprint, Path: t.Path, Reason: strings.TrimSpace(t.Reason), Owner: strings.TrimSpace(t.Owner)}
	switch {
	case t.Fingerprint == "" && t.Path == "":
		return a, "", "an [[allow]] needs a fingerprint or a path"
	case t.Fingerprint != "" && t.Path != "":
		return a, "path", "an [[allow]] has a fingerprint or a path, not both"
	case t.Fingerprint != "" && !exceptions.IsFingerprint(t.Fingerprint):
		return a, "fingerprint", "a fingerprint is the id of a key, 16 hex digits, or its secret_sha256, 64, in lower case"
	case t.Path != "" && !doublestar.ValidatePattern(t.Path):
		return a, "path", fmt.Sprintf("%q is not a glob", t.Path)
	case strings.HasPrefix(t.Path, "/") || strings.HasPrefix(t.Path, "./") || strings.HasPrefix(t.Path, "../"):
		return a, "path", "a path is a glob from the top of the repository, as testdata/**"
	case strings.HasSuffix(t.Path, "/"):
		return a, "path", fmt.Sprintf("no file matches %q (%s** is all that is below)", t.Path, t.Path)
	case a.Reason == "":
		return a, "reason", "an [[allow]] needs a reason"
	}
	switch v := t.Expires.(type) {
	case nil:
	case string:
		day, err := time.Parse(time.DateOnly, v)
		if err != nil {
			return a, "expires", badDay
		}
		a.Expires = lastSecond(day)
	case time.Time:
		if v.Location().String() != localDate {
			return a, "expires", badDay
		}
		a.Expires = lastSecond(v)
	default:
		return a, "expires", badDay
	}
	return a, "", ""
}

const badDay = "expires is a day, as 2026-01-31"

// localDate is where the toml package puts dates without a time.
const localDate = "date-local"

// lastSecond is that of a day in UTC: it still counts.
func lastSecond(day time.Time) time.Time {
	return time.Date(day.Year(), day.Month(), day.Day(), 23, 59, 59, 0, time.UTC)
}
