package remote

import (
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"

	"github.com/go-git/go-git/v5/plumbing/format/pktline"
	"github.com/go-git/go-git/v5/plumbing/protocol/packp/sideband"
)

// demuxer reads a pack that came with messages between its packets (gitprotocol-pack,
// "Packfile Data"). It hands out what it has of a packet that did not come whole: a
// packet holds up to 65,515 bytes, and go-git's own demuxer loses them all when the
// server stops.
type demuxer struct {
	r        io.Reader
	messages io.Writer
	left     int64 // of the packet of the pack that is being read
}

func (d *demuxer) Read(b []byte) (int, error) {
	for d.left == 0 {
		if err := d.next(); err != nil {
			return 0, err
		}
	}
	n, err := d.r.Read(b[:min(int64(len(b)), d.left)])
	d.left -= int64(n)
	return n, cutShort(err)
}

// next reads the head of a packet, and the whole of one that is a message.
func (d *demuxer) next() error {
	var head [5]byte
	if _, err := io.ReadFull(d.r, head[:4]); err != nil {
		return cutShort(err)
	}
	size, err := strconv.ParseUint(string(head[:4]), 16, 16)
	switch {
	case err == nil && size == 0:
		return io.EOF
	case err != nil || size <= 4:
		return pktline.ErrInvalidPktLen
	}
	if _, err := io.ReadFull(d.r, head[4:]); err != nil {
		return cutShort(err)
	}
	rest := int64(size) - int64(len(head))
	switch sideband.Channel(head[4]) {
	case sideband.PackData:
		d.left = rest
		return nil
	case sideband.ProgressMessage:
		_, err := io.CopyN(d.messages, d.r, rest)
		return cutShort(err)
	}
	text, err := io.ReadAll(io.LimitReader(d.r, rest))
	if said, ok := strings.CutPrefix(string(text), "RR "); ok && head[4] == 'E' { // "ERR ", without a channel
		return &pktline.ErrorLine{Text: said}
	}
	switch {
	case err != nil:
		return err
	case head[4] == byte(sideband.ErrorMessage):
		return &pktline.ErrorLine{Text: string(text)}
	}
	return fmt.Errorf("a packet of the pack has the unknown channel %d", head[4])
}

// cutShort returns err, io.ErrUnexpectedEOF for io.EOF: an answer ends with a flush
// packet, and an end before it is one that the server did not mean.
func cutShort(err error) error {
	if errors.Is(err, io.EOF) {
		return io.ErrUnexpectedEOF
	}
	return err
}
