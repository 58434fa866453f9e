//go:build !race

package codec

const defaultCases = 100_000
