package identity

import "slices"

// MaxInt is an instance of a generic function, as another package sees it.
var MaxInt = slices.Max[[]int]
