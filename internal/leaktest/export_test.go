package leaktest

// MainWithin and NoneWithin are Main and None with a time for goroutines to end.
var (
	MainWithin = mainWithin
	NoneWithin = noneWithin
)
