// Package cli runs the command gatehouse as its users do.
package cli
