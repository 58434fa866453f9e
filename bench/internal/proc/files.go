package proc

import (
	"fmt"

	"golang.org/x/sys/unix"
)

// RaiseFiles lets this process, and those that it starts, have as many files as the system allows, and
// returns how many.
func RaiseFiles() (int, error) {
	var l unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &l); err != nil {
		return 0, fmt.Errorf("reading the limit of open files: %w", err)
	}
	l.Cur = l.Max
	if err := unix.Setrlimit(unix.RLIMIT_NOFILE, &l); err != nil {
		return 0, fmt.Errorf("raising the limit of open files to %d: %w", l.Max, err)
	}
	return int(l.Max), nil
}
