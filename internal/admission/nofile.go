package admission

const (
	// DefaultPerAddress is the default limit of connections per address.
	DefaultPerAddress = 256
	// filesPercent is the share of open files for connections. The rest is for
	// requests, databases and logs.
	filesPercent = 80
	// maxWithoutLimit is the default limit if the number of open files is unlimited or
	// cannot be read.
	maxWithoutLimit = 100_000
)

// DefaultMax returns the default limit of connections: 80 % of the open files that the
// process may have (the soft RLIMIT_NOFILE), or 100,000 if that is unlimited or cannot
// be read.
func DefaultMax() int {
	files, ok := openFiles()
	return defaultMax(files, ok)
}

func defaultMax(files uint64, ok bool) int {
	if !ok || files >= 1<<31 {
		return maxWithoutLimit
	}
	return max(1, int(files*filesPercent/100))
}
