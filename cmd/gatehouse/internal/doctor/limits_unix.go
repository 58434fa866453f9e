//go:build unix

package doctor

import "syscall"

// fewFiles is a limit of file descriptors that is too low for a server: each client has one.
const fewFiles = 4096

// limits finds a low limit of file descriptors. Programs in Go raise the soft limit themselves, to the hard one.
func (c *checker) limits() {
	var l syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &l); err != nil || uint64(l.Max) >= fewFiles { //nolint:unconvert // int64 on some systems
		return
	}
	c.addf("", 0, true, "raise the hard limit: ulimit -Hn 1048576, or LimitNOFILE of systemd", "a process may have %d file descriptors here, one for each client", l.Max)
}
