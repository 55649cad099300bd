package finding

import "strings"

// StatusCode is the fixed part of Finding.StatusReason: programs may branch on
// it, the words behind it are for people and may change.
type StatusCode string

// What an issuer said. Rule files name these.
const (
	CodeAccepted                StatusCode = "accepted"                 // active
	CodeInsufficientPermissions StatusCode = "insufficient_permissions" // restricted
	CodeIPNotAllowed            StatusCode = "ip_not_allowed"           // restricted: the key works from other addresses
	CodeAccountNotActivated     StatusCode = "account_not_activated"    // restricted
	CodeExpired                 StatusCode = "expired"                  // inactive: it was a key once
	CodeNotRecognised           StatusCode = "not_recognised"           // inactive, or unknown where the issuer was a guess
)

// Why no clear answer came. The status is unknown.
const (
	CodeRateLimited      StatusCode = "rate_limited"
	CodeServerError      StatusCode = "server_error"      // 5xx
	CodeUnexpectedAnswer StatusCode = "unexpected_answer" // nothing that the rule lists
	CodeRedirected       StatusCode = "redirected"        // not followed
	CodeTimeout          StatusCode = "timeout"
	CodeDNS              StatusCode = "dns"
	CodeConnection       StatusCode = "connection" // refused, reset, broken off
	CodeTLS              StatusCode = "tls"        // a certificate or handshake that is not to be trusted
	CodeProxy            StatusCode = "proxy"
	CodeAcceptsAnything  StatusCode = "accepts_anything" // the host also accepted a made-up key
	CodeControlFailed    StatusCode = "control_failed"   // whether it would is not known
	CodeBudget           StatusCode = "budget"           // more keys than one run may ask about
	CodeCancelled        StatusCode = "cancelled"
	CodeInternalError    StatusCode = "internal_error"
	CodeNotFound         StatusCode = "not_found" // of recheck: there is no key to ask about
)

// Why no issuer was asked. The status is unchecked; with no_probe, unsupported.
const (
	CodeIssuerUnknown   StatusCode = "issuer_unknown"
	CodeIssuerAmbiguous StatusCode = "issuer_ambiguous"
	CodeNotAsked        StatusCode = "not_asked"
	CodeNoProbe         StatusCode = "no_probe"
)

// Reason returns "code: words", the form of Finding.StatusReason.
func (c StatusCode) Reason(words string) string {
	if words == "" {
		return string(c)
	}
	return string(c) + ": " + words
}

// CodeOf returns the code of a Finding.StatusReason, or "" if it is empty.
func CodeOf(reason string) StatusCode {
	code, _, _ := strings.Cut(reason, ":")
	return StatusCode(code)
}
