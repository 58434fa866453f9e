//go:build !linux

package sockio

const kernelReports = false

func peerState(uintptr) (s PeerState, ok bool) { return s, false }
