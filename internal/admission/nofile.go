package admission

const (
	// DefaultPerAddress is how many connections one address may have by default.
	DefaultPerAddress = 256
	// shareOfFiles is how much of the open files of the process connections may take by
	// default, in percent: the rest is for requests, databases, logs.
	shareOfFiles = 80
	// unknownFiles is the default where the limit of open files cannot be read or
	// there is none.
	unknownFiles = 100_000
)

// DefaultMax is how many connections there may be by default: 80 % of the open
// files that the process may have (the soft RLIMIT_NOFILE), or 100,000 where that
// cannot be read or is unlimited.
func DefaultMax() int {
	files, ok := openFiles()
	return defaultMax(files, ok)
}

func defaultMax(files uint64, ok bool) int {
	if !ok || files >= 1<<31 {
		return unknownFiles
	}
	return max(1, int(files*shareOfFiles/100))
}
