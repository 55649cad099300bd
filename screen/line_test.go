package screen

import (
	"bytes"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

func TestALineIsDrawnCutAndErased(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var out bytes.Buffer
		erase := DrawLine(&out, func(time.Time, int) string { return strings.Repeat("━", 100) })
		time.Sleep(2*Refresh + Refresh/2)
		erase()
		picture := "\r" + strings.Repeat("━", 79) + "\x1b[K"
		if got, want := out.String(), picture+picture+"\r\x1b[J"; got != want {
			t.Errorf("%q, want %q", got, want)
		}
	})
}

func TestWhatIsQuickDrawsNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var out bytes.Buffer
		erase := DrawLine(&out, func(time.Time, int) string { return "x" })
		time.Sleep(Refresh / 2)
		erase()
		if out.Len() > 0 {
			t.Errorf("%q", &out)
		}
	})
}
