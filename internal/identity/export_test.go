package identity

import "slices"

// MaxInt is an instance of a generic function, created in another package than in the
// test.
var MaxInt = slices.Max[[]int]
