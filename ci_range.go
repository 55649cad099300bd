package main

import "keysweep/scanner"

// selectRange hands the commits of a plan, "A..B" or "B", to the scanner.
func selectRange(o *scanner.Options, commits string) (err error) {
	o.Range, err = scanner.ParseRange([]string{commits})
	return err
}
