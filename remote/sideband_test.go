package remote

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"github.com/go-git/go-git/v5/plumbing/format/pktline"
	"github.com/go-git/go-git/v5/plumbing/protocol/packp/sideband"
)

// packet returns a packet of a channel.
func packet(channel byte, text string) string {
	return fmt.Sprintf("%04x%c%s", len(text)+5, channel, text)
}

func TestAPackIsReadFromBetweenMessages(t *testing.T) {
	large := strings.Repeat("0123456789abcdef", 4094) // nearly as much as a packet holds
	whole := packet(2, "one\rtwo\n") + packet(1, "PACK") + packet(2, "three\n") + packet(1, large) + packet(1, "")
	for _, c := range []struct {
		name, text, pack, messages string
		err                        error // nil: io.EOF
	}{
		{"a whole answer", whole + "0000", "PACK" + large, "one,two,three", nil},
		{"what follows the end", whole + "0000" + packet(1, "more"), "PACK" + large, "one,two,three", nil},
		{"no end", whole, "PACK" + large, "one,two,three", io.ErrUnexpectedEOF},
		{"a packet that did not come whole", packet(1, "PACK") + packet(1, large)[:20_005], "PACK" + large[:20_000], "", io.ErrUnexpectedEOF},
		{"a message that did not come whole", packet(1, "PACK") + packet(2, "one\ntwo\n")[:10], "PACK", "one", io.ErrUnexpectedEOF},
		{"a head that did not come whole", packet(1, "PACK") + "00", "PACK", "", io.ErrUnexpectedEOF},
		{"a head without its channel", packet(1, "PACK") + "0009", "PACK", "", io.ErrUnexpectedEOF},
		{"nothing", "", "", "", io.ErrUnexpectedEOF},
		{"an error", packet(1, "PA") + packet(3, "out of memory"), "PA", "", &pktline.ErrorLine{Text: "out of memory"}},
		{"an error that did not come whole", packet(3, "out of memory")[:8], "", "", &pktline.ErrorLine{Text: "out"}},
		{"an error without a channel", packet(1, "PA") + "000fERR no more", "PA", "", &pktline.ErrorLine{Text: "no more"}},
		{"an empty packet", packet(1, "PA") + "0004", "PA", "", pktline.ErrInvalidPktLen},
		{"a length that is no number", packet(1, "PA") + "+00a", "PA", "", pktline.ErrInvalidPktLen},
		{"another channel", packet(4, "x"), "", "", errors.New("a packet of the pack has the unknown channel 4")},
	} {
		for kind, reader := range map[string]io.Reader{
			"whole":    strings.NewReader(c.text),
			"by bytes": iotest.OneByteReader(strings.NewReader(c.text)),
			"and end":  iotest.DataErrReader(strings.NewReader(c.text)),
		} {
			var said []string
			alive := &watch{timer: time.NewTimer(time.Hour)}
			d := &demuxer{r: reader, messages: &messages{say: func(line string) { said = append(said, line) }, watch: alive}}
			pack, err := io.ReadAll(d)
			if string(pack) != c.pack || strings.Join(said, ",") != c.messages {
				t.Errorf("%s, %s: %d bytes of %d, messages %q", c.name, kind, len(pack), len(c.pack), said)
			}
			if fmt.Sprint(err) != fmt.Sprint(c.err) {
				t.Errorf("%s, %s: %v, want %v", c.name, kind, err, c.err)
			}
		}
	}
}

// Whatever go-git's demuxer takes from an answer is taken, and more of a damaged one.
func FuzzSideband(f *testing.F) {
	f.Add([]byte(packet(2, "one\n") + packet(1, "PACK") + "0000"))
	f.Add([]byte(packet(1, "PACK") + packet(3, "no")))
	f.Fuzz(func(t *testing.T, b []byte) {
		want, wrong := io.ReadAll(sideband.NewDemuxer(sideband.Sideband64k, bytes.NewReader(b)))
		got, err := io.ReadAll(&demuxer{r: bytes.NewReader(b), messages: io.Discard})
		if !bytes.HasPrefix(got, want) {
			t.Fatalf("%q is no beginning of %q", want, got)
		}
		if err == nil && (wrong != nil || len(got) != len(want)) {
			t.Fatalf("go-git: %q, %v; here %q", want, wrong, got)
		}
	})
}
