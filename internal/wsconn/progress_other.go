//go:build !linux

package wsconn

const kernelTells = false

func acknowledged(uintptr) (acked, waiting uint64, ok bool) { return 0, 0, false }
