// Package other has types for tests, with the names of those of another package.
package other

// Message has the name of another type.
type Message struct{ Text string }

// Page is a list of any type.
type Page[T any] struct {
	Items []T `json:"items"`
	Next  int `json:"next"`
}

// Failure has a name that may be reserved.
type Failure struct{ Code int }

// MessageInput has the name that another type may have as input.
type MessageInput struct{ A bool }
