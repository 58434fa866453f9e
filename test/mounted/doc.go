// Package mounted has applications in other routers: net/http, chi, gin and echo. The files named after them have the
// lines that docs/lifecycle.md shows; the test runs them.
package mounted
