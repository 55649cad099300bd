package finding

// Strength is how sure it is whose key a finding is.
type Strength uint8

// The strengths, the weakest first. From StrengthStrong on the issuer may be
// asked about the key; from StrengthHost on its word that it does not know the
// key is believed, since the key was certainly meant for it.
const (
	StrengthNone   Strength = iota
	StrengthWeak            // a name in the path or somewhere in the file
	StrengthStrong          // a name on the line, of a section or setting; an SDK's import nearby; a host in the file
	StrengthHost            // the issuer's host near the key
	StrengthShape           // a prefix or shape that no other issuer has
	StrengthUser            // the user said so
)

func (s Strength) String() string {
	return [...]string{"none", "weak", "strong", "host", "shape", "user"}[s]
}
