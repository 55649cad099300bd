package gitdb

import (
	"strings"
	"testing"

	"keysweep/scanner/gitdb/oid"
)

// Each line of a reflog that is read names two ids, and says when.
func FuzzReflogLine(f *testing.F) {
	zero, id := strings.Repeat("0", 40), strings.Repeat("1a", 20)
	for _, line := range []string{
		zero + " " + id + " A U Thor <a@example.org> 1700000000 +0100\tcommit: one\n",
		id + " " + zero + " <> 0 -0000\n",
		id + " " + id + "\tno one\n",
		id + " " + id + " A > B <a@b> 12x +0100\tx",
		strings.Repeat("2b", 32) + " " + strings.Repeat("0", 64) + " A <a> 1 +0000\t\n",
		" ", "",
	} {
		f.Add([]byte(line))
	}
	f.Fuzz(func(t *testing.T, line []byte) {
		for _, format := range []oid.Format{oid.SHA1, oid.SHA256} {
			if log, ok := parseReflogLine(line, format); ok && !strings.HasPrefix(strings.ToLower(string(line)), log.Old.String()) && !log.Old.IsZero() {
				t.Errorf("%q is read as %+v", line, log)
			}
		}
	})
}
