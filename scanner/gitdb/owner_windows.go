package gitdb

// sameOwner is true: on Windows the place alone decides.
func sameOwner(_, _ string) bool { return true }
