// Package rules knows what a secret looks like: bytes in, spans out. It knows
// nothing of files, commits or the network.
package rules

import "keysweep/finding"

// Context is how many bytes on either side of a key its verdict may depend on
// (issuer evidence, excerpts). A caller that hands out windows lets them
// overlap by this much; whatever lies further away changes nothing.
const Context = 16 << 10

// Span is a half-open range of byte offsets from the start of the buffer.
type Span struct{ Start, End int }

// Match is one candidate: a literal with a body, accepted or rejected.
type Match struct {
	RuleID string
	// Start and End delimit the key as it stands in the buffer, prefix
	// included; for an encoded key, the encoded characters that hold any bit
	// of it. (The whole encoded run may be a megabyte, and its ends further
	// away than Context.)
	Start, End  int
	Secret      finding.Secret
	Encoding    []string // decoders, outermost first; nil for plain text
	Environment finding.Environment
	Confidence  finding.Confidence // Rejected: RejectedFor says why
	RejectedFor string
	Typed       bool
	Score       float64 // mixture log-likelihood ratio, bits per character
	// Shapes names the issuers whose documented shape the body has.
	Shapes []string
	// Evidence is what stands around the key, nearest and strongest first.
	Evidence []Evidence
}

// EvidenceKind orders evidence: a greater kind beats a smaller one.
type EvidenceKind uint8

// The kinds of evidence.
const (
	EvidenceBeside  EvidenceKind = iota + 1 // anything that speaks for another key, or for another section
	EvidencePath                            // the issuer's name in the path of the file
	EvidenceFile                            // its name or host elsewhere within Context
	EvidenceTwin                            // a public key, import or SDK call within 200 bytes
	EvidenceName                            // its name on the same line, or on a section around the key
	EvidenceHost                            // its host within 400 bytes
	EvidenceCarrier                         // its host in the same URL, or its header around the key
	EvidenceShape                           // a shape that no other issuer has
)

// Evidence is one reason to think that a key is an issuer's.
type Evidence struct {
	Issuer   string
	Kind     EvidenceKind
	Distance int    // bytes between the key and the evidence
	Text     string // what was seen, in words, for reports: "host api.martis.id, 31 bytes before"
	// Strong says that it names the key's owner and not just somebody: a host
	// anywhere in the file, a setting or section, a name on the line, an SDK
	// call or public key nearby. See Set.Strength.
	Strong bool
	// Weaker is set where something for another issuer, stronger or nearer,
	// stands at the same place, and where the body's shape speaks against
	// Issuer: Attribute does not count it.
	Weaker bool
}
