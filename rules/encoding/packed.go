package encoding

// Gzip files in base64, as Helm, Terraform and cloud-init write them, and the base64 of
// that. They begin with
//
//	1f 8b 08 | flags, 1 byte | time, 4 bytes, zero if a program wrote it
//	H4sI     | A, C          | AAAAA
//
// so that little of them is known, and less than a finder needs if the time is there:
// PackedHead is searched by itself.

// PackedHead begins a gzip file in base64.
const PackedHead = "H4sI"

// packedForm is PackedHead's.
var packedForm = form{literal: []byte(PackedHead)}

// PackedSteps lead from PackedHead to the gzip file.
func PackedSteps() Steps { return Steps{{digitDecoder{6}, packedForm}} }

// PackedForms calls yield for every literal that shows where the base64 of such a text
// is: anywhere if its time is zero, else at the start.
func PackedForms(yield func(literal []byte, steps Steps)) {
	d := digitDecoder{6}
	list := d.forms([]byte(PackedHead+"AAAAAA"), true)
	for _, flags := range "AC" {
		for time := 'A'; time <= 'P'; time++ {
			list = append(list, d.forms([]byte(PackedHead+string(flags)+string(time)), true)[0])
		}
	}
	for _, out := range list {
		yield(out.literal, Steps{{d, out}, {d, packedForm}})
	}
}

// IsPacked reports whether b, which base64 was decoded to, begins a gzip file (RFC 1952).
func IsPacked(b []byte) bool {
	return len(b) > 18 && b[0] == 0x1f && b[1] == 0x8b && b[2] == 8 && b[3] < 0x20 && (b[9] <= 13 || b[9] == 0xff)
}
