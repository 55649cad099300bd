package report

import (
	"fmt"
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"

	"keysweep/finding"
)

// Links says where the scanned repository can be browsed.
type Links struct {
	// Server and Name are as in https://github.com and owner/repository. Without
	// them, or if they are not of that form, there are no links.
	Server, Name string
	// Commit is what is checked out, a whole id.
	Commit string
	// Below is the way from the top of the repository to the target of the scan,
	// '/'-separated; "": it is the top.
	Below string
	// Outside says that the target is not in the repository's working tree: no
	// place can be named.
	Outside bool
}

var (
	serverURL = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^https?://[A-Za-z0-9.-]+(:[0-9]+)?$`) })
	webURL    = sync.OnceValue(func() *regexp.Regexp {
		return regexp.MustCompile(`^https?://[A-Za-z0-9.:\[\]-]+/[A-Za-z0-9._~%/?#=&,;:@+-]+$`)
	})
	repositoryName = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^[A-Za-z0-9_.-]+/[A-Za-z0-9_.-]+$`) })
	commitID       = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^([0-9a-f]{40}|[0-9a-f]{64})$`) })
)

// maxLink is longer than a link that anybody follows.
const maxLink = 2000

// file returns the path of o below the top of the repository, and false if it is
// no file of it. Objects of a repository inside the scanned one are none.
func (l *Links) file(o finding.Occurrence) (string, bool) {
	if l == nil || l.Outside || o.Path == "" {
		return "", false
	}
	folder := path.Join(l.Below, o.Folder)
	switch o.Source {
	case finding.SourceWorktree:
	case finding.SourceBlob, finding.SourceIndex, finding.SourcePath:
		if o.Object != "" && folder != "" && folder != "." {
			return "", false
		}
	default:
		return "", false
	}
	name := path.Join(folder, o.Path)
	return name, name != ".." && !strings.HasPrefix(name, "../") && !strings.HasPrefix(name, "/")
}

// link returns the URL of o, "" if there is none. It ends at a character
// that cannot end a link of Markdown: parentheses are encoded.
func (p *phrases) link(o finding.Occurrence) string {
	if i := slices.IndexFunc(p.res.Targets, func(t finding.Target) bool { return t.Remote && t.Name == o.Target }); i >= 0 {
		return webLink(p.res.Targets[i].Web, o, p.Text)
	}
	l := p.opts.Links
	if l == nil || !serverURL().MatchString(l.Server) || !repositoryName().MatchString(l.Name) {
		return ""
	}
	base := l.Server + "/" + l.Name
	if o.Source == finding.SourceCommit && commitID().MatchString(o.Object) {
		return base + "/commit/" + o.Object
	}
	name, ok := l.file(o)
	commit := o.Commit
	if o.Source == finding.SourceWorktree {
		commit = l.Commit
	}
	if !ok || o.Source == finding.SourcePath || !commitID().MatchString(commit) || p.Text(name) != name {
		return ""
	}
	url := base + "/blob/" + commit + "/" + linkSafe(encodePath(name))
	if o.Line > 0 {
		url += fmt.Sprintf("#L%d", o.Line)
	}
	if len(url) > maxLink {
		return ""
	}
	return url
}

// webLink returns the URL at which a host shows o, "" if there is none. text returns a
// name as it may be printed.
func webLink(w finding.Web, o finding.Occurrence, text func(string) string) string {
	fill := func(form, commit, name string) string {
		url := strings.NewReplacer("{commit}", commit, "{path}", strings.ReplaceAll(linkSafe(encodePath(name)), "+", "%2B"), "{line}", strconv.Itoa(max(o.Line, 1))).Replace(form)
		if len(url) > maxLink || !webURL().MatchString(url) {
			return ""
		}
		return url
	}
	switch {
	case w.File == "":
		return ""
	case o.Source == finding.SourceCommit && commitID().MatchString(o.Object):
		return fill(w.Commit, o.Object, "")
	case o.Source != finding.SourceBlob, o.Path == "", o.Inside != nil && o.Line == 0, !commitID().MatchString(o.Commit), text(o.Path) != o.Path:
		return ""
	}
	return fill(w.File, o.Commit, o.Path)
}

// linkSafe encodes what a path of a URI may hold and Markdown gives a meaning
// in the destination of a link.
var linkSafe = strings.NewReplacer("(", "%28", ")", "%29", "&", "%26", "*", "%2A", "_", "%5F", "~", "%7E", "'", "%27", "!", "%21", "$", "%24").Replace

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
