// Package seal has the parameter types of methods that only the framework calls: such a
// method is exported for the framework's packages, and other code cannot name its parameter.
package seal

// Framework is a parameter of methods that only the framework calls.
type Framework struct{}
