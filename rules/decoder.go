package rules

// decoder undoes one encoding of text. A new form of key is a new decoder in
// decoders: it says which bytes a prefix becomes, and decodes around such
// bytes; boundaries, body, score and issuer are judged on the decoded text as
// on any other.
type decoder interface {
	// name is what Match.Encoding says.
	name() string
	// forms returns what a prefix becomes under this encoding.
	forms(prefix []byte) []form
	// decode decodes the bytes around raw[at:], where form stands, into dst:
	// about reach decoded bytes on either side, less where the encoding ends.
	// It returns where the prefix starts in dst, or false if there is no
	// prefix after all.
	decode(raw []byte, at int, f form, reach int, dst *text) (prefix int, ok bool)
	// evidenceReach is how many decoded bytes around a key are searched for
	// its issuer; with the raw bytes they take they lie within Context.
	// All keys of one alignment may share one decoding of a longer stretch,
	// if the encoding does not end between them.
	evidenceReach() (reach int, shared bool)
}

// form is one byte string that a prefix becomes.
type form struct {
	literal []byte
	variant int // the decoder's own: byte order, bit offset
}

// step is one decoding on the way from raw bytes to the plain prefix.
type step struct {
	decoder decoder
	form    form
}

// decoders are the encodings that are looked through, besides plain text.
func decoders() []decoder {
	return []decoder{utf16Decoder{}, base64Decoder{}}
}

// judgeReach is how many decoded bytes on either side of a prefix a verdict
// may look at: the longest body and what stands behind it.
const judgeReach = 384
