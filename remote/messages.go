package remote

import "bytes"

// messages splits what a server writes for its users into lines. A line that ends in
// a carriage return is one of progress, which the next replaces.
type messages struct {
	say   func(line string)
	watch *watch
	line  []byte
}

// maxMessage is how many bytes of a line are kept.
const maxMessage = 512

func (m *messages) Write(b []byte) (int, error) {
	m.watch.alive()
	n := len(b)
	for m.say != nil && len(b) > 0 {
		i := bytes.IndexAny(b, "\r\n")
		part := b
		if i >= 0 {
			part = b[:i]
		}
		m.line = append(m.line, part[:min(len(part), maxMessage-len(m.line))]...)
		if i < 0 {
			break
		}
		if line := bytes.TrimSpace(m.line); len(line) > 0 {
			m.say(string(line))
		}
		m.line, b = m.line[:0], b[i+1:]
	}
	return n, nil
}
