//go:build goexperiment.jsonv2 && !go1.27

package codec

import "encoding/json/v2"

// errSkip has a value decoded as usual, when a function of json.UnmarshalFromFunc returns
// it. With the experiment the JSON library is that of Go 1.26, which has its own error.
var errSkip = json.SkipFunc
