package report

import "strings"

// encodePath returns path, raw bytes separated by '/', as a relative URI
// reference (RFC 3986 §4.2): decoding each %XX gives the bytes back.
//
// Encoded is every byte that is not allowed in a path segment (§3.3), so also
// each byte of a name that is not ASCII or not UTF-8 at all, and what would
// make the reference mean something else: ':' in the first segment, a '/' at
// the start, and the segments "." and "..", which readers remove.
func encodePath(path string) string {
	var out strings.Builder
	out.Grow(len(path) + 16)
	first, rest := true, path
	if strings.HasPrefix(rest, "/") {
		out.WriteString("%2F")
		rest = rest[1:]
	}
	for {
		segment, after, more := strings.Cut(rest, "/")
		if segment == "." || segment == ".." {
			out.WriteString(strings.Repeat("%2E", len(segment)))
		} else {
			for _, c := range []byte(segment) {
				if inSegment(c) && (c != ':' || !first) {
					out.WriteByte(c)
				} else {
					out.WriteByte('%')
					out.WriteByte(upperHex[c>>4])
					out.WriteByte(upperHex[c&15])
				}
			}
		}
		if !more {
			return out.String()
		}
		out.WriteByte('/')
		first, rest = false, after
	}
}

// upperHex are the digits that RFC 3986 §2.1 asks for.
const upperHex = "0123456789ABCDEF"

// inSegment reports whether c may stand in a path segment: pchar of RFC 3986.
func inSegment(c byte) bool {
	return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || strings.IndexByte("-._~!$&'()*+,;=:@", c) >= 0
}
