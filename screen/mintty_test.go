package screen

import "testing"

func TestAPipeThatIsATerminal(t *testing.T) {
	for name, want := range map[string]bool{
		`\msys-1888ae32e00d56aa-pty0-to-master`:      true,
		`\cygwin-1888ae32e00d56aa-pty12-from-master`: true,
		`\msys-1888ae32e00d56aa-pty-to-master`:       false,
		`\msys-1888ae32e00d56aa-pty0x-to-master`:     false,
		`\msys-1888ae32e00d56aa-0-to-master`:         false,
		`\msys--pty0-to-master`:                      false,
		`\msys-1888ae32e00d56aa-pty0-to-master-x`:    false,
		`\other-1888ae32e00d56aa-pty0-to-master`:     false,
		`\Win32Pipes.00001234.00000002`:              false,
		``:                                           false,
	} {
		if got := isPty(name); got != want {
			t.Errorf("%q: %v", name, got)
		}
	}
}
