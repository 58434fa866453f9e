//go:build race

package codec

const defaultCases = 10_000 // the race detector is about ten times slower
