// Package api has the documents of the example, which the test of its contract writes.
package api

import "embed"

// Documents are asyncapi.json and openapi.json.
//
//go:embed *.json
var Documents embed.FS
