package gitdb

// sameOwner is true: on Windows the location alone decides.
func sameOwner(_, _ string) bool { return true }
