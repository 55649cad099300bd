package rules

// Set is the rules of a scan, compiled. It is safe for concurrent use.
type Set struct{}
