package encoding

// Gzip files in base64, as Helm, Terraform and cloud-init write them, and the base64 of
// that. They begin with
//
//	1f 8b 08 | flags, 1 byte | time, 4 bytes, zero if a program wrote it
//	H4sI     | A, C          | AAAAA
//
// where the flags say that there is a name, or nothing.

// packedHead begins a gzip file in base64.
const packedHead = "H4sI"

// PackedForms calls yield for every literal that shows where such a text is, or the
// base64 of it: that is found anywhere if its time is zero, else at the start.
func PackedForms(yield func(literal []byte, steps Steps)) {
	d, plain := digitDecoder{6}, form{literal: []byte(packedHead)}
	list := d.forms([]byte(packedHead+"AAAAAA"), true)
	for _, flags := range "AC" {
		for time := 'A'; time <= 'P'; time++ {
			head := []byte(packedHead + string(flags) + string(time))
			list = append(list, d.forms(head, true)[0])
			yield(head, Steps{{d, plain}})
		}
	}
	for _, out := range list {
		yield(out.literal, Steps{{d, out}, {d, plain}})
	}
}

// IsPacked reports whether b, which base64 was decoded to, begins a gzip file (RFC 1952).
func IsPacked(b []byte) bool {
	return len(b) > 18 && b[0] == 0x1f && b[1] == 0x8b && b[2] == 8 && b[3] < 0x20 && (b[9] <= 13 || b[9] == 0xff)
}
