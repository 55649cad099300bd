package report

import (
	"fmt"
	"strings"
)

// encodePath returns path, raw bytes separated by '/', as a relative URI
// reference (RFC 3986 §4.2): decoding each %XX gives the bytes back.
//
// Encoded is every byte that is not allowed in a path segment (§3.3), so also
// each byte of a name that is not ASCII or not UTF-8 at all, and what would
// make the reference mean something else: ':' in the first segment, a '/' at
// the start, and the segments "." and "..", which readers remove.
func encodePath(path string) string {
	var out strings.Builder
	path, rooted := strings.CutPrefix(path, "/")
	if rooted {
		out.WriteString("%2F")
	}
	for i, segment := range strings.Split(path, "/") {
		if i > 0 {
			out.WriteByte('/')
		}
		if segment == "." || segment == ".." {
			out.WriteString(strings.Repeat("%2E", len(segment)))
			continue
		}
		for _, c := range []byte(segment) {
			if inSegment(c) && (c != ':' || i > 0) {
				out.WriteByte(c)
			} else {
				fmt.Fprintf(&out, "%%%02X", c) // upper case: §2.1
			}
		}
	}
	return out.String()
}

// inSegment reports whether c may stand in a path segment: pchar of RFC 3986.
func inSegment(c byte) bool {
	return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || strings.IndexByte("-._~!$&'()*+,;=:@", c) >= 0
}
