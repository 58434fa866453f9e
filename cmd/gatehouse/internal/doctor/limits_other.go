//go:build !unix

package doctor

// limits has nothing to find: the system limits no file descriptors.
func (*checker) limits() {}
