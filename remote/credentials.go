package remote

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"os"
	"path/filepath"
	"runtime"
	"strings"

	githttp "github.com/go-git/go-git/v5/plumbing/transport/http"

	"keysweep/file"
)

// Token is a password that is kept in an environment variable, for the addresses on
// one host.
type Token struct {
	host   string // HOST or HOST:PORT; "": that of all addresses
	name   string
	secret string
}

// Format implements fmt.Formatter: whatever the verb, the secret is not printed.
func (t Token) Format(w fmt.State, _ rune) { _, _ = io.WriteString(w, "token of "+plainName(t.name)) }

// ParseToken reads [HOST=]NAME, where NAME is a variable that get returns.
func ParseToken(text string, get func(string) string) (Token, error) {
	host, name, hasHost := strings.Cut(text, "=")
	if !hasHost {
		host, name = "", text
	}
	if name == "" || hasHost && host == "" {
		return Token{}, errors.New("it is not NAME or HOST=NAME, where NAME is an environment variable")
	}
	value := get(name)
	if value == "" {
		return Token{}, fmt.Errorf("the environment variable %s is not set", plainName(name))
	}
	return Token{host: strings.ToLower(host), name: name, secret: value}, nil
}

// plainName returns a name that a user typed, or … for what may be a token typed by
// mistake.
func plainName(name string) string {
	for _, c := range name {
		if c != '_' && (c < 'A' || c > 'Z') && (c < '0' || c > '9') {
			return "that is named"
		}
	}
	return name
}

// isFor reports whether t is for the server at a.
func (t Token) isFor(a *Address) bool {
	return t.host == "" || t.host == strings.ToLower(a.Host) || t.host == a.Origin()
}

// CheckTokens refuses tokens that would not be sent, or of which it is not said where
// to. The error names no token.
func CheckTokens(tokens []Token, list []*Address) error {
	for _, t := range tokens {
		used := false
		for _, a := range list {
			if t.host == "" && a.Origin() != list[0].Origin() {
				return fmt.Errorf("the addresses are on several hosts: HOST=%s says which one the token is for", plainName(t.name))
			}
			if t.isFor(a) && a.Scheme != "https" {
				return fmt.Errorf("no token is sent over %s://", a.Scheme)
			}
			used = used || t.isFor(a)
		}
		if !used {
			return errors.New("no address is on the host that a token is for")
		}
	}
	return nil
}

// tokenUser returns the user name that goes with a token: most hosts take any.
func tokenUser(a *Address) string {
	if strings.EqualFold(a.Host, "bitbucket.org") {
		return "x-token-auth"
	}
	return "x-access-token"
}

// credentials returns the user and password for a web server: those in the address,
// else a token, else those of netrc. Over http they are sent to this machine alone,
// and only those in the address. Nil: none.
func (c *Client) credentials(a *Address) (*githttp.BasicAuth, error) {
	inAddress := &githttp.BasicAuth{Username: a.user, Password: a.password}
	if a.Scheme != "https" {
		if a.password != "" && isLoopback(a.Host) {
			return inAddress, nil
		}
		return nil, nil
	}
	if a.password != "" {
		return inAddress, nil
	}
	for _, t := range c.opts.Tokens {
		if t.isFor(a) {
			user := cmp.Or(a.user, tokenUser(a))
			return &githttp.BasicAuth{Username: user, Password: t.secret}, nil
		}
	}
	if login, err := readNetrc(a.Host, a.user); login != nil || err != nil {
		return login, err
	}
	if a.user != "" { // a token may be written as the user
		return inAddress, nil
	}
	return nil, nil
}

// isLoopback reports whether a host is this machine by its name.
func isLoopback(host string) bool {
	addr, err := netip.ParseAddr(host)
	return strings.EqualFold(host, "localhost") || err == nil && addr.IsLoopback()
}

// maxNetrc bounds the file of passwords, in bytes.
const maxNetrc = 1 << 20

// readNetrc returns what the user's netrc has for a host and, if it is not "", a user;
// nil: nothing. The file is $NETRC, or .netrc (_netrc on Windows) in the home folder.
func readNetrc(host, user string) (*githttp.BasicAuth, error) {
	path := os.Getenv("NETRC")
	if path == "" {
		home, err := os.UserHomeDir()
		if err != nil {
			return nil, nil //nolint:nilerr // no home, no netrc
		}
		name := ".netrc"
		if runtime.GOOS == "windows" {
			name = "_netrc"
		}
		path = filepath.Join(home, name)
		if _, err := os.Stat(path); file.Absent(err) {
			return nil, nil
		}
	}
	text, err := file.Read(path, maxNetrc)
	if err != nil {
		return nil, fmt.Errorf("%w: netrc could not be read: %w", ErrAddress, err)
	}
	return parseNetrc(string(text), host, user), nil
}

// parseNetrc returns the first entry of a netrc (netrc(5)) for a host, and a user if
// that is not "".
//
//	machine HOST login USER password PASSWORD
//	default login USER password PASSWORD
//	macdef NAME, and lines up to an empty one
func parseNetrc(text, host, user string) *githttp.BasicAuth {
	var entry githttp.BasicAuth
	matches, inMacro := false, false
	found := func() bool {
		return matches && entry.Password != "" && (user == "" || user == entry.Username)
	}
	for line := range strings.Lines(text) {
		words := strings.Fields(line)
		if inMacro {
			inMacro = len(words) > 0
			continue
		}
		for i := 0; i < len(words); i++ {
			next := ""
			if i+1 < len(words) {
				next = words[i+1]
			}
			switch words[i] {
			case "machine", "default":
				if found() {
					return &entry
				}
				entry, matches = githttp.BasicAuth{}, words[i] == "default"
				if words[i] == "machine" {
					matches = strings.EqualFold(next, host)
					i++
				}
			case "login":
				entry.Username = next
				i++
			case "password":
				entry.Password = next
				i++
			case "account":
				i++
			case "macdef":
				inMacro = true
				i = len(words)
			default:
				if strings.HasPrefix(words[i], "#") {
					i = len(words)
				}
			}
		}
	}
	if found() {
		return &entry
	}
	return nil
}
