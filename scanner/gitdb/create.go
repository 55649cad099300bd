package gitdb

import (
	"cmp"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"keysweep/scanner/gitdb/oid"
)

// Created says what a repository is created with.
type Created struct {
	// Refs are its refs, whose names are well-formed.
	Refs []Ref
	// Head is the branch that HEAD names. "": HEAD is HeadID, or without that a
	// branch that is not there.
	Head    string
	HeadID  oid.ID
	Shallow []oid.ID
}

// Create makes the folder at dir, which exists and is empty, a bare repository
// without objects (gitrepository-layout(5)).
func Create(dir string, c Created) error {
	for _, below := range []string{"refs", "objects/info", PackFolder} {
		if err := os.MkdirAll(filepath.Join(dir, filepath.FromSlash(below)), 0o700); err != nil {
			return err
		}
	}
	head := "ref: " + cmp.Or(c.Head, c.unborn())
	if c.Head == "" && !c.HeadID.IsZero() {
		head = c.HeadID.String()
	}
	var packed strings.Builder
	packed.WriteString("# pack-refs with: sorted\n")
	refs := slices.Clone(c.Refs)
	slices.SortFunc(refs, func(a, b Ref) int { return cmp.Compare(a.Name, b.Name) })
	for _, ref := range refs {
		packed.WriteString(ref.ID.String() + " " + ref.Name + "\n")
	}
	files := map[string]string{
		"HEAD":        head + "\n",
		"config":      "[core]\n\trepositoryformatversion = 0\n\tfilemode = true\n\tbare = true\n",
		"packed-refs": packed.String(),
	}
	if len(c.Shallow) > 0 {
		var list strings.Builder
		for _, id := range c.Shallow {
			list.WriteString(id.String() + "\n")
		}
		files["shallow"] = list.String()
	}
	for name, text := range files {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			return err
		}
	}
	return nil
}

// unborn returns the name of a branch that is not there.
func (c *Created) unborn() string {
	name := "refs/heads/main"
	for slices.ContainsFunc(c.Refs, func(r Ref) bool { return r.Name == name }) {
		name += "-unborn"
	}
	return name
}

// PackFolder is where a repository has its packs, '/'-separated.
const PackFolder = "objects/pack"
