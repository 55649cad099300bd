package rules

import (
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"fmt"
	"io"
	"sync"

	"keysweep/rules/encoding"
	"keysweep/rules/finder"
)

// builtin holds the rules that every scan runs.
//
//go:embed builtin/*.toml
var builtin embed.FS

// builtinHeads holds the heads of the literals of the built-in rules. Reading all
// rules for them takes longer than most scans of a hook do. TestHeadsAreThoseOfTheBuiltInRules writes it with -update.
//
//go:embed data/heads.txt
var builtinHeads string

// must returns v, which depends on nothing but what is part of the program.
func must[T any](v T, err error) T {
	if err != nil {
		panic("rules: " + err.Error())
	}
	return v
}

// builtinNames returns the names of the files in builtin, in order.
func builtinNames() (names []string) {
	for _, e := range must(builtin.ReadDir("builtin")) {
		names = append(names, "builtin/"+e.Name())
	}
	return names
}

// builtinSet returns the built-in rules and the files more, which have no rules.
func builtinSet(more []*ruleFile) *Set {
	compiled := sync.OnceValue(func() *compiled { return must(load(more)) })
	heads := finder.FromHeads(builtinHeads, encoding.MaxForm, func() *Finder { return compiled().finder })
	return &Set{finder: heads, compiled: compiled, sha256: hashOf(more)}
}

// hashOf returns a function that hashes the version of the engine, and the length
// and the text of each built-in file and of the files more. It copies no text.
func hashOf(more []*ruleFile) func() string {
	return sync.OnceValue(func() string {
		h := sha256.New()
		fmt.Fprintf(h, "%s\n", engineVersion)
		buf := make([]byte, 4<<10)
		for _, name := range builtinNames() {
			f := must(builtin.Open(name))
			fmt.Fprintf(h, "%d\n", must(f.Stat()).Size())
			must(io.CopyBuffer(h, f, buf))
		}
		for _, m := range more {
			fmt.Fprintf(h, "%d\n%s", len(m.Text), m.Text)
		}
		return hex.EncodeToString(h.Sum(nil))
	})
}
