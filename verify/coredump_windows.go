package verify

import "golang.org/x/sys/windows"

// NoCoreDumps keeps Windows from sending or keeping a dump of this process,
// whose memory holds keys. It never fails. See SetErrorMode.
func NoCoreDumps() error {
	windows.SetErrorMode(windows.SEM_FAILCRITICALERRORS | windows.SEM_NOGPFAULTERRORBOX)
	return nil
}
