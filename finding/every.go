package finding

// Every is all occurrences of a key: what holds for all of them, or for none, can
// be asked of nothing else. Finding.Every makes one, if each occurrence was met.
// The zero value answers no.
type Every struct{ of *Finding }

// MeetEvery says that each occurrence of f was met, and that each that is not
// listed is like a listed one: the exceptions that speak of the one speak of the
// other. A scan says it of keys of which nothing was left unread, and says it
// last.
func (f *Finding) MeetEvery() { f.met = true }

// Every returns all occurrences of f, and false if it is not known which they are:
// some were not read, or were more than a limit allows. Listed says nothing then
// about the others.
func (f *Finding) Every() (Every, bool) {
	if !f.met {
		return Every{}, false
	}
	return Every{f}, true
}

// All reports whether is holds for each occurrence, and there is one.
func (e Every) All(is func(*Occurrence) bool) bool {
	if e.of == nil || len(e.of.Listed) == 0 {
		return false
	}
	for i := range e.of.Listed {
		if !is(&e.of.Listed[i]) {
			return false
		}
	}
	return true
}

// Answer is what is known of a question. As a bool it would say no where it is
// not known.
type Answer uint8

// The answers. No is also the answer about what was not asked for, as HEAD where
// the history was not scanned.
const (
	No Answer = iota
	Yes
	NotKnown // what it depends on could not be read
)

// AnswerOf returns Yes if is, else No if that rests on all that there is, else
// NotKnown.
func AnswerOf(is, whole bool) Answer {
	switch {
	case is:
		return Yes
	case whole:
		return No
	}
	return NotKnown
}

// Or returns the answer to the question whether one of two things is so.
func (a Answer) Or(b Answer) Answer {
	switch {
	case a == Yes || b == Yes:
		return Yes
	case a == NotKnown || b == NotKnown:
		return NotKnown
	}
	return No
}

func (a Answer) String() string { return [...]string{"no", "yes", "not known"}[a] }
