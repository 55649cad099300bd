// Package list knows which repositories a sweep is of.
package list

import "time"

// Repository is one repository of a sweep.
type Repository struct {
	Name string // how reports name it: the address without credentials, or the path as given
	Size int64  // in bytes as far as the host says, 0 if it is not known

	Archived, Fork, Private bool
	Pushed                  time.Time // zero: not known
}
