package gitdb

import (
	"bytes"
	"fmt"
	"path/filepath"

	"keysweep/finding"
	"keysweep/scanner/gitdb/oid"
)

// OpenGitDir reads the layout of the repository folder gitDir, as git takes it
// from GIT_DIR. top is the folder of the working tree, "" if there is none.
// onlyHead is as in OpenHead.
func OpenGitDir(gitDir, top string, onlyHead bool) (*Repository, error) {
	gitDir, err := filepath.Abs(gitDir)
	if err != nil {
		return nil, err
	}
	if !isGitDir(gitDir) {
		return nil, fmt.Errorf("%s: %w", gitDir, ErrNotRepository)
	}
	r := &Repository{GitDir: gitDir, CommonDir: commonDir(gitDir)}
	if top != "" {
		if r.Top, err = filepath.Abs(top); err != nil {
			return nil, err
		}
	}
	r.readConfig()
	r.readShallow()
	if onlyHead {
		r.readHead()
	} else {
		r.readRefs()
	}
	return r, nil
}

// MergeHeads returns the commits that a merge under way brings in, as
// MERGE_HEAD lists them.
func (r *Repository) MergeHeads() (list []oid.ID) {
	b, err := readSmall(filepath.Join(r.GitDir, "MERGE_HEAD"))
	if err != nil {
		return nil
	}
	for line := range bytes.Lines(b) {
		if id, ok := oid.Parse(bytes.TrimSpace(line)); ok {
			list = append(list, id)
		}
	}
	return list
}

// Skipped returns what could not be opened.
func (db *Database) Skipped() []finding.Skipped { return db.skipped }
