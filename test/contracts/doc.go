// Package contracts validates the documents of package contract with the libraries and tools that their readers use: JSON Schema, AsyncAPI
// and OpenAPI, in Go and in Node.
package contracts
