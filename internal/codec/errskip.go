//go:build !goexperiment.jsonv2 || go1.27

package codec

import "errors"

// errSkip has a value decoded as usual, when a function of json.UnmarshalFromFunc returns it.
var errSkip = errors.ErrUnsupported
