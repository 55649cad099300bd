package config

import (
	"path/filepath"

	"keysweep/file"
	"keysweep/scanner/gitdb"
)

// stateName is the file, beside a repository's objects, that keeps which keys a person
// passed over.
const stateName = "keysweep-triage.json"

// StatePath returns where the repository of folder keeps what a person left undecided,
// and false outside of one.
func StatePath(folder string) (string, bool) {
	top, found, err := gitdb.Discover(folder)
	if err != nil || !found {
		return "", false
	}
	r, err := gitdb.OpenHead(top, file.Reach{})
	if err != nil {
		return "", false
	}
	return Shown(filepath.Join(r.GitDir, stateName)), true
}
