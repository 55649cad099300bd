package remote

import (
	"cmp"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"syscall"
	"unicode"

	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/format/pktline"
	"github.com/go-git/go-git/v5/plumbing/protocol/packp"
	"github.com/go-git/go-git/v5/plumbing/transport"
)

var (
	errNoAnswer = errors.New("no answer in time")
	errSilent   = errors.New("nothing came any more")
)

// sentence words what went wrong with the server at a, without what stood before the
// host in its address. An error of the caller's, of its context or its writer, stays.
func (c *Client) sentence(ctx context.Context, a *Address, t *conversation, err error) error {
	if w, ok := errors.AsType[*writeError](err); ok {
		return w.err
	}
	if e, ok := errors.AsType[*plumbing.UnexpectedError](err); ok { // which unwraps nothing
		err = e.Err
	}
	host := a.hostPort(a.Port)
	if cause := context.Cause(ctx); cause != nil {
		switch {
		case errors.Is(cause, errSilent):
			return fmt.Errorf("%s sent nothing for %v", host, idleTime)
		case !errors.Is(err, errNoAnswer):
			return cause
		}
	}
	if errors.Is(err, ErrAddress) {
		return err
	}
	if t != nil && t.login != nil {
		if words := t.login.words(err, host); words != "" {
			return errors.New(words)
		}
	}
	if words := words(err, a, host); words != "" {
		return errors.New(words)
	}
	for _, before := range []string{"multi_ack_detailed are not supported: ", "unexpected error: ", "unknown error: "} { // go-git's, that wrap nothing
		if _, said, ok := strings.Cut(err.Error(), before); ok {
			return fmt.Errorf("%s refuses: %s", host, plain(errors.New(said)))
		}
	}
	return fmt.Errorf("%s: %s", host, plain(err))
}

// words returns the sentence for an error that is known, "" for others.
func words(err error, a *Address, host string) string {
	if s, ok := errors.AsType[*statusError](err); ok {
		return s.words(a, host)
	}
	if words := networkWords(err, host); words != "" {
		return words
	}
	if words := certificateWords(err, host); words != "" {
		return words
	}
	switch {
	case errors.Is(err, errNoAnswer):
		return fmt.Sprintf("%s did not name its refs within %v", host, connectTime)
	case errors.Is(err, errDumbWeb):
		return fmt.Sprintf("%s serves the files of a repository and does not speak git's protocol: clone it with git, and scan the clone", host)
	case errors.Is(err, errNotGit):
		return fmt.Sprintf("there is no git server at this address: %s answers with something else, perhaps a page for browsers", host)
	case errors.Is(err, errManyRefs):
		return fmt.Sprintf("%s names more refs than %d MiB hold", host, maxRefs>>20)
	case errors.Is(err, errNoRef):
		return fmt.Sprintf("%s has %s", host, plain(err))
	case errors.Is(err, transport.ErrRepositoryNotFound):
		return fmt.Sprintf("%s has no such repository, or does not show it without credentials", host)
	}
	if words := redirectWords(err, host); words != "" {
		return words
	}
	if line, ok := errors.AsType[*pktline.ErrorLine](err); ok {
		return fmt.Sprintf("%s refuses: %s", host, plain(errors.New(line.Text)))
	}
	if data, ok := errors.AsType[*packp.ErrUnexpectedData](err); ok {
		if strings.Contains(string(data.Data), "object-format=sha256") || strings.Contains(data.Msg, "sha256") {
			return sha256Words(host)
		}
		return host + " does not speak git's protocol"
	}
	if errors.Is(err, pktline.ErrInvalidPktLen) {
		return host + " does not speak git's protocol"
	}
	if err.Error() == "timeout exceeded" || errors.Is(err, transport.ErrEmptyUploadPackRequest) || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, io.EOF) || errors.Is(err, packp.ErrEmptyInput) {
		return host + " closed the connection before the end"
	}
	return ""
}

func sha256Words(host string) string {
	return fmt.Sprintf("the repository on %s has SHA-256 ids, which keysweep cannot fetch: clone it with git, and scan the clone", host)
}

func (e *statusError) words(a *Address, host string) string {
	switch {
	case e.status == 407:
		return "the proxy asks for credentials (status 407)"
	case e.proxy:
		return fmt.Sprintf("the proxy does not connect to %s (status %d)", host, e.status)
	}
	switch e.status {
	case 401:
		switch {
		case e.sent:
			return host + " refuses these credentials (status 401)"
		case a.Scheme == "http" && !isLoopback(a.Host):
			return host + " asks for credentials (status 401), and none are sent over http://: use https://"
		}
		return host + " asks for credentials (status 401): netrc or --token-env gives them; a repository that does not exist is often answered so too"
	case 403:
		return host + " denies access (status 403)"
	case 404, 410:
		return fmt.Sprintf("%s has no such repository, or does not show it without credentials (status %d)", host, e.status)
	case 429:
		return host + " asks to come back later (status 429)"
	}
	return fmt.Sprintf("%s answers with status %d", host, e.status)
}

// redirectWords are about what go-git says of redirects, which it says in words alone.
func redirectWords(err error, host string) string {
	text := err.Error()
	_, why, ok := strings.Cut(text, "http redirect: ")
	switch {
	case !ok:
		return ""
	case strings.HasPrefix(why, "changes scheme"):
		return host + " leads from https to http, which is not followed"
	case strings.HasPrefix(why, "target"):
		return fmt.Sprintf("there is no git server at this address: %s leads to something else, perhaps a page for browsers", host)
	case strings.HasPrefix(why, "redirect on non-initial"):
		return host + " leads elsewhere after the first request, which is not followed"
	case strings.HasPrefix(why, "too many"):
		return host + " leads from one address to the next without end"
	}
	return host + " leads to an address that is not followed"
}

// networkWords are about connections.
func networkWords(err error, host string) string {
	if dns, ok := errors.AsType[*net.DNSError](err); ok {
		name := cmp.Or(dns.Name, host)
		switch {
		case dns.IsNotFound:
			return fmt.Sprintf("there is no host %s", plain(errors.New(name)))
		case dns.IsTimeout:
			return fmt.Sprintf("the name server does not answer for %s", plain(errors.New(name)))
		}
		return fmt.Sprintf("the address of %s could not be found out", plain(errors.New(name)))
	}
	where := host
	if op, ok := errors.AsType[*net.OpError](err); ok && strings.HasPrefix(op.Op, "proxyconnect") {
		where = "the proxy"
	}
	timeout, isNet := errors.AsType[net.Error](err)
	switch {
	case isErrno(err, syscall.ECONNREFUSED, 10061):
		return where + " refuses connections"
	case isErrno(err, syscall.ECONNRESET, 10054), isErrno(err, syscall.EPIPE, 10053),
		// go-git's errors of a write unwrap to nothing.
		strings.HasSuffix(err.Error(), syscall.ECONNRESET.Error()), strings.HasSuffix(err.Error(), syscall.EPIPE.Error()):
		return where + " closed the connection before the end"
	case isErrno(err, syscall.EHOSTUNREACH, 10065), isErrno(err, syscall.ENETUNREACH, 10051):
		return "there is no way to " + where
	case isNet && timeout.Timeout():
		return fmt.Sprintf("%s does not answer: nothing came within %v", where, connectTime)
	}
	return ""
}

// isErrno reports whether err wraps an error of the system, which on Windows has a number
// of its own (WSAECONNREFUSED and the like), which no other system uses.
func isErrno(err error, errno, windows syscall.Errno) bool {
	return errors.Is(err, errno) || errors.Is(err, windows)
}

// certificateWords are about TLS.
func certificateWords(err error, host string) string {
	if _, ok := errors.AsType[tls.RecordHeaderError](err); ok || strings.Contains(err.Error(), "server gave HTTP response to HTTPS client") {
		return host + " does not speak TLS: is it http://?"
	}
	if e, ok := errors.AsType[x509.HostnameError](err); ok {
		return fmt.Sprintf("the certificate of %s is for another name: %s", host, plain(errors.New(strings.Join(e.Certificate.DNSNames, ", "))))
	}
	if _, ok := errors.AsType[x509.UnknownAuthorityError](err); ok {
		return fmt.Sprintf("the certificate of %s is not signed by an authority that this machine trusts (--ca-file adds one)", host)
	}
	if e, ok := errors.AsType[x509.CertificateInvalidError](err); ok {
		if e.Reason == x509.Expired {
			return fmt.Sprintf("the certificate of %s has expired or is not valid yet", host)
		}
		return fmt.Sprintf("the certificate of %s is not valid: %s", host, plain(e))
	}
	if _, ok := errors.AsType[*tls.CertificateVerificationError](err); ok {
		return fmt.Sprintf("the certificate of %s could not be verified", host)
	}
	if alert, ok := errors.AsType[tls.AlertError](err); ok {
		return fmt.Sprintf("%s ends the TLS handshake: %s", host, plain(alert))
	}
	return ""
}

// maxWords is how much of a text of a server, or of a library about it, is passed on.
const maxWords = 200

// plain returns the first line of an error, cut, without addresses: a library may
// have put a password into one.
func plain(err error) string {
	line, _, _ := strings.Cut(strings.TrimSpace(err.Error()), "\n")
	words := strings.Fields(strings.Map(printable, line))
	for i, w := range words {
		if strings.Contains(w, "://") || strings.Contains(w, "@") {
			words[i] = "(address)"
		}
	}
	line = strings.Join(words, " ")
	if len(line) > maxWords {
		line = strings.ToValidUTF8(line[:maxWords], "") + "…"
	}
	return line
}

// printable returns r, or a space for what could move a terminal's cursor.
func printable(r rune) rune {
	if !unicode.IsPrint(r) {
		return ' '
	}
	return r
}

func trimBrackets(host string) string {
	return strings.TrimSuffix(strings.TrimPrefix(host, "["), "]")
}

// portOf returns the port to connect to.
func portOf(a *Address) int { return cmp.Or(a.Port, schemePort(a.Scheme)) }
