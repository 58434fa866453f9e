package proc

import (
	"bytes"
	"fmt"
	"os"
	"runtime"
	"strings"

	"golang.org/x/sys/unix"
)

// Machine describes the processor, the number of cores and the kernel.
func Machine() string {
	model := runtime.GOARCH
	info, _ := os.ReadFile("/proc/cpuinfo") // not there: the architecture must do
	for line := range strings.Lines(string(info)) {
		if name, value, ok := strings.Cut(line, ":"); ok && strings.TrimSpace(name) == "model name" {
			model = strings.TrimSpace(value)
			break
		}
	}
	kernel := runtime.GOOS
	var u unix.Utsname
	if unix.Uname(&u) == nil {
		kernel = string(bytes.TrimRight(u.Sysname[:], "\x00")) + " " + string(bytes.TrimRight(u.Release[:], "\x00"))
	}
	return fmt.Sprintf("%s, %d cores, %s", model, runtime.NumCPU(), kernel)
}
