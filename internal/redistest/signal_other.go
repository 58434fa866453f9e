//go:build !unix

package redistest

import "os"

// Signal reports that there is none such.
var stop, resume = os.Kill, os.Kill
