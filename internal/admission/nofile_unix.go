//go:build unix

package admission

import "syscall"

// openFiles returns the soft limit of open files. Package os has raised it to the hard
// limit.
func openFiles() (n uint64, ok bool) {
	var l syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &l); err != nil {
		return 0, false
	}
	return uint64(l.Cur), true //nolint:unconvert // signed on some systems
}
