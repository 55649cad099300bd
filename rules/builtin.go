package rules

import (
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"fmt"
	"hash"
	"io"
	"path"
	"sync"

	"keysweep/rules/encoding"
	"keysweep/rules/finder"
)

// builtin holds the rules that every scan runs.
//
//go:embed builtin/*.toml
var builtin embed.FS

// builtinHeads holds the heads of the literals of the built-in rules. Reading all rules for them takes longer than most scans of a
// hook do. TestBuiltinHeads writes it with -update.
//
//go:embed data/heads.txt
var builtinHeads string

// builtinNames returns the names of the files in builtin, in order.
func builtinNames() ([]string, error) {
	list, err := builtin.ReadDir("builtin")
	if err != nil {
		return nil, fmt.Errorf("listing the built-in rules: %w", err)
	}
	names := make([]string, len(list))
	for i, e := range list {
		names[i] = path.Join("builtin", e.Name())
	}
	return names, nil
}

// builtinSet returns the built-in rules and the files more, which have no rules.
func builtinSet(more []*ruleFile) *Set {
	compiled := sync.OnceValue(func() *compiled {
		c, err := load(more)
		if err != nil {
			panic("rules: " + err.Error()) // the tests load them
		}
		return c
	})
	heads := finder.FromHeads(builtinHeads, encoding.MaxForm, func() *Finder { return compiled().finder })
	return &Set{finder: heads, compiled: compiled, sha256: hashOf(more)}
}

// hashOf returns what makes the hash of the built-in rules and the files more.
func hashOf(more []*ruleFile) func() string {
	return sync.OnceValue(func() string {
		h := sha256.New()
		fmt.Fprintf(h, "%s\n", engineVersion)
		hashBuiltin(h)
		for _, m := range more {
			fmt.Fprintf(h, "%d\n%s", len(m.Text), m.Text)
		}
		return hex.EncodeToString(h.Sum(nil))
	})
}

// hashBuiltin adds the length and the text of every built-in file to h. It
// copies none.
func hashBuiltin(h hash.Hash) {
	names, err := builtinNames()
	buf := make([]byte, 4<<10)
	for _, name := range names {
		f, errOpen := builtin.Open(name)
		if err = errOpen; err != nil {
			break
		}
		info, _ := f.Stat()
		fmt.Fprintf(h, "%d\n", info.Size())
		if _, err = io.CopyBuffer(h, f, buf); err != nil {
			break
		}
	}
	if err != nil {
		panic("rules: " + err.Error()) // they are part of the program
	}
}
