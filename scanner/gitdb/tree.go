package gitdb

import "keysweep/scanner/gitdb/oid"

// MaxPath is how many bytes a path may have: longer ones are made by hostile
// depths, and by trees that name themselves.
const MaxPath = 1 << 16

// The tree without entries, which git knows although it is not stored.
var (
	emptyTree, _    = oid.Parse([]byte("4b825dc642cb6eb9a060e54bf8d69288fbee4904"))
	emptyTree256, _ = oid.Parse([]byte("6ef19b41225c5369f1c104d45d8d85efa9b057b53b14b4b9b939dd74decc5321"))
)

// IsEmptyTree reports whether id names the tree without entries.
func IsEmptyTree(id oid.ID) bool { return id == emptyTree || id == emptyTree256 }
