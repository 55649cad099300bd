package encoding

import (
	"slices"
	"testing"
)

func FuzzDecoders(f *testing.F) {
	f.Add([]byte("xxc2tfbGl2ZVxx"), 2)
	f.Add([]byte("\x00s\x00k\x00_"), 1)
	f.Fuzz(func(t *testing.T, raw []byte, at int) {
		if at < 0 || at >= len(raw) {
			return
		}
		for _, d := range decoders() {
			for _, form := range slices.Concat(d.forms([]byte("sk_live_"), false), d.forms([]byte("s\x00k\x00_\x00"), true)) {
				if at+len(form.literal) > len(raw) {
					continue
				}
				var dst Text
				prefix, ok := d.decode(raw, at, form, 384, &dst)
				if !ok {
					continue
				}
				if prefix < 0 || prefix >= len(dst.B) || len(dst.from) != len(dst.B) || len(dst.to) != len(dst.B) {
					t.Fatalf("%s: prefix %d of %d bytes", d.name(), prefix, len(dst.B))
				}
				for i := range dst.B {
					if dst.from[i] < 0 || dst.from[i] >= dst.to[i] || dst.to[i] > len(raw) || i > 0 && dst.from[i] < dst.from[i-1] {
						t.Fatalf("%s: byte %d from [%d,%d)", d.name(), i, dst.from[i], dst.to[i])
					}
				}
			}
		}
	})
}
